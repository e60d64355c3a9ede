"""What code counts as the same: words and folders are free, everything else is not."""

import pytest

from toolkit.fit.code import code_in

CODE = '''"""What it is for."""

import numpy as np

from toolkit.claims import ARMS, Arm
from toolkit.scores import Scores


def first(scores: Scores) -> Arm:
    """Return the first arm."""
    return ARMS[0]  # there is one
'''


def test_words_and_folders_are_free():
    moved = CODE.replace("toolkit.claims", "toolkit.study.claims").replace("there is", "always")
    # In another folder an import stands in another place.
    claims, scores = CODE.splitlines()[4:6]
    moved = moved.replace(claims.replace("toolkit.claims", "toolkit.study.claims") + "\n", "")
    moved = moved.replace(scores, f"{scores}\nfrom toolkit.study.claims import Arm, ARMS").replace(
        "What it is for", "Another word"
    )
    assert moved != CODE
    assert code_in(moved) == code_in(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ARMS[0]", "ARMS[1]"),
        ("import numpy as np", "import numpy.random as np"),
        ("toolkit.claims", "toolkit.other_claims"),
        ("Scores\n\n", "Scores as Table\n\n"),
        ("ARMS, Arm", "ARMS, Arm, CONTROLLED"),
    ],
)
def test_everything_else_is_not(old, new):
    assert old in CODE
    assert code_in(CODE.replace(old, new)) != code_in(CODE)


def test_modules_of_one_name_in_two_folders_are_two():
    texts = {code_in(f"from toolkit.{folder} import curves") for folder in ("fit", "simulate")}
    assert len(texts) == 2
