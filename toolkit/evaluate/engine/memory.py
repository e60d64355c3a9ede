"""What happens when the device's memory runs out: forwards get half as large, and it is counted."""

import torch

from toolkit.errors import CheckpointError

# A forward of fewer tokens doesn't fit: then the checkpoint itself fills the device.
SMALLEST = 8
# Keys and values of so many times the tokens of a forward are held for short rows that see them:
# a step reads all weights however few rows it serves, and what is kept of a token is small beside
# what a forward computes for one.
HELD_PER_FORWARD = 4
# More where no row is slowed down by what the others see (``block_attention``).
HELD_BY_BLOCK = 12


class Room:
    """Tokens that one forward may hold: the budget, until the memory of the device runs out.

    Once halved it stays so: the next forward of that size would fail as well.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.tokens = budget
        self.n_splits = 0

    def halve(self, n_tokens: int) -> None:
        """Allow half of the tokens of the forward that failed.

        Raises
        ------
        CheckpointError
            If even the smallest forwards don't fit.
        """
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.n_splits += 1
        self.tokens = min(self.tokens, n_tokens) // 2
        if self.tokens < SMALLEST:
            raise too_large(n_tokens)


def too_large(n_tokens: int) -> CheckpointError:
    """Return the error for a forward that didn't fit and can't be made smaller."""
    return CheckpointError(
        f"out of memory: not even a forward of {n_tokens} tokens fits beside the weights "
        "and what it has to see; use a smaller dtype, a larger device, or shorter prompts."
    )
