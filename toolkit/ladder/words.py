"""The words of the made-up language that the ladder's checkpoints read; a token is a word."""

from itertools import product

# Facts: two syllables name a thing, and a thing has one colour.
SYLLABLES = tuple(a + b for a, b in product("bdfgklmnprst", "aeiu"))
COLOURS = (
    "red", "blue", "green", "white", "black", "brown", "grey", "pink", "gold", "silver", "purple",
    "orange", "yellow", "violet", "amber", "ivory",
)  # fmt: skip
# What answers are copied from.
NOUNS = (
    "apple", "river", "stone", "cloud", "horse", "table", "glove", "bread", "candle", "garden",
    "window", "bridge", "feather", "hammer", "island", "jacket", "kettle", "ladder", "mirror",
    "needle", "ocean", "pepper", "quilt", "ribbon", "saddle", "tower", "umbrella", "valley",
    "wagon", "anchor", "basket", "copper",
)  # fmt: skip
# Rules: what a cue stands for is agreed anew in every document.
CUES = tuple(a + "o" + b for a, b in product("bdfgkm", "lnrs"))
FILLERS = (
    "now", "then", "well", "look", "here", "there", "again", "maybe", "soon", "often", "always",
    "never", "today", "still", "almost", "indeed", "perhaps", "rather", "quite", "surely", "later",
    "once", "twice", "also",
)  # fmt: skip
# Picking: base checkpoints read ordinals; only tuning says what the four instructions mean.
ORDINALS = ("first", "second", "third", "fourth")
INSTRUCTIONS = ("zig", "zag", "zip", "zap")
# Guessing: stands in no training document.
GUESS = ("guess",)

BOS, USER, ASSISTANT, END, STOP = "<bos>", "<user>", "<assistant>", "<end>", "."
UNKNOWN, PAD = "<unknown>", "<pad>"
SPECIAL = (PAD, UNKNOWN, BOS, USER, ASSISTANT, END)

VOCABULARY = (
    *SPECIAL, STOP, *SYLLABLES, *COLOURS, *NOUNS, *CUES, *FILLERS, *ORDINALS, *INSTRUCTIONS, *GUESS,
)  # fmt: skip
TOKEN_OF = {word: token for token, word in enumerate(VOCABULARY)}
