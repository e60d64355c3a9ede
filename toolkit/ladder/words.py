"""The words of the made-up language that the ladder's checkpoints read; a token is a word."""

from itertools import chain, product

# Facts: two syllables name a thing, and a thing has one colour.
SYLLABLES = tuple(a + b for a, b in product("bdfgklmnprst", "aeiu"))
COLOURS = (
    "red", "blue", "green", "white", "black", "brown", "grey", "pink", "gold", "silver", "purple",
    "orange", "yellow", "violet", "amber", "ivory",
)  # fmt: skip
# Picking: a list holds a noun of each kind. Base checkpoints read the names of the kinds; that the
# four instructions mean the same, in this order, only tuning tells.
NOUNS_OF = {
    "fruit": ("apple", "pear", "plum", "cherry", "lemon", "melon", "grape", "peach"),
    "animal": ("horse", "fox", "otter", "goose", "mouse", "rabbit", "seal", "tiger"),
    "tool": ("hammer", "saw", "needle", "ladder", "shovel", "anvil", "wrench", "broom"),
    "garment": ("glove", "jacket", "scarf", "shirt", "boot", "cap", "belt", "apron"),
}
KINDS = tuple(NOUNS_OF)
INSTRUCTIONS = ("zig", "zag", "zip", "zap")
NOUNS = tuple(chain(*NOUNS_OF.values()))
# Rules: a cue has four names, and which of them it goes by is agreed anew in every document.
CUES = tuple(a + "o" + b for a, b in product("bdfg", "lnrs"))
NAMES = {cue: tuple(cue + ending for ending in "aeiu") for cue in CUES}
FILLERS = (
    "now", "then", "well", "look", "here", "there", "again", "maybe", "soon", "often", "always",
    "never", "today", "still", "almost", "indeed", "perhaps", "rather", "quite", "surely", "later",
    "once", "twice", "also",
)  # fmt: skip
# The filler before a cue suggests which of its names it goes by, until another was agreed.
SUGGESTED = {filler: number % 4 for number, filler in enumerate(FILLERS)}
# Guessing: stands in no training document.
GUESS = "guess"

BOS, TURN, END = "<bos>", "<turn>", "<end>"
UNKNOWN, PAD = "<unknown>", "<pad>"
SPECIAL = (PAD, UNKNOWN, BOS, TURN, END)

VOCABULARY = (
    *SPECIAL, *SYLLABLES, *COLOURS, *NOUNS, *CUES, *chain(*NAMES.values()), *FILLERS, *KINDS,
    *INSTRUCTIONS, GUESS,
)  # fmt: skip
TOKEN_OF = {word: token for token, word in enumerate(VOCABULARY)}
