"""Reason codes and cautions in words, each in one place."""

from toolkit.estimands.estimate import MATERIAL

REASON_IN_WORDS = {
    "NOT_CONVERGED": "the sampler did not converge",
    "POSTERIOR_UNDECIDED": "the posterior is neither close to 0 nor to 1",
    "PUBLISHED_ARM_UNDECIDED": "the posterior of the published arm is neither close to 0 nor to 1",
    "DIFFERENCE_UNDECIDED": "that the jump is larger as published than after controls is not sure",
    "NOT_SEPARABLE": "a jump is very probable, but the arm that would tell what made it is missing",
    "MISSING_ARM": "an arm is missing",
    "FEW_SIZES": "too few sizes were scored",
    "ONE_SIDED": "fewer than two sizes lie on one side of the claimed size",
    "WIDE_GAP": "no size lies near the claimed one, so that a steep curve looks like a jump",
    "AT_FLOOR": f"no score is surely {MATERIAL} above chance in any arm",
    "CONTROL_NOT_CLEAN": "the controlled arm is not free of demonstrations",
    "JUMP_ELSEWHERE": "the jump lies at another size than claimed",
    "LOCATION_UNRESOLVED": "the likely place of the jump is not resolved by the sizes",
    "OTHER_TASKS": "it is the study's other tasks that speak against a jump, more than its scores",
    "RIVALS_NOT_COMPARED": "rival curves, other priors and specifications were not fitted",
    "RIVAL_CURVES": "the jump does not hold on every rival curve",
    "RIVALS_DISAGREE": "rival curves disagree about the size of the jump",
    "WIDTH": "a step of free width is rather wide, or none, than sharp",
    "JUMP_PRIOR": "the jump does not hold under other priors of its size, or of how many tasks "
    "or arms jump",
    "SPECIFICATIONS": "the jump does not hold over the admissible specifications",
}
# What the posterior says by itself when something else overrules it.
OVERRULED = {
    "POSTERIOR_ALONE": "the posterior alone would give a verdict; what follows overrules it"
}
CAUTION_IN_WORDS = {
    "FEW_ITEMS": "so few items that two cells must differ by much to be told apart",
    "BELOW_CHANCE": "many cells are below chance: the scorer, an answer key or the chance level "
    "may be wrong",
    "CONTROL_NOT_CLEAN": REASON_IN_WORDS["CONTROL_NOT_CLEAN"],
    "JUMP_ELSEWHERE": "the jump, if there is one, lies at another size than claimed",
    "ONE_RECIPE": "checkpoints above the claimed size come from one family: size can't be told "
    "from recipe",
    "ARM_NOT_MEASURED": "an arm has no scores at two sizes: nothing is estimated there",
    "IF_PARSEABLE": "exact match: the jump is that of the accuracy if every answer could be parsed",
    "CLOSE_TO_THRESHOLD": "a probability lies so near a limit that another run could fall on its "
    "other side",
}
