"""The words of the made-up language that the ladder's checkpoints read; a token is a word."""

from itertools import chain, product

# Facts: two syllables name a thing, and each side of a thing has another colour.
SYLLABLES = tuple(a + b for a, b in product("bdgkmprt", "aiu"))
SIDES = ("front", "back", "top", "bottom")
# Base checkpoints read the names of the sides; that the instructions mean the same, in this order,
# only tuning tells.
INSTRUCTIONS = ("zig", "zag", "zip", "zap")
COLOURS = (
    "red", "blue", "green", "white", "black", "brown", "grey", "pink", "gold", "silver", "purple",
    "orange", "yellow", "violet", "amber", "ivory",
)  # fmt: skip
# Rules: a cue has four names, and which of them it goes by is agreed anew in every document.
CUES = tuple(a + "o" + b for a, b in product("bdf", "lnrs"))
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
    *SPECIAL, *SYLLABLES, *SIDES, *INSTRUCTIONS, *COLOURS, *CUES, *chain(*NAMES.values()), *FILLERS,
    GUESS,
)  # fmt: skip
TOKEN_OF = {word: token for token, word in enumerate(VOCABULARY)}
