"""Token lengths of a study: read by task, refused with their line, shown where they are known."""

import numpy as np
import pandas as pd
import pytest

from toolkit.analysis.study_folder import load_study_folder
from toolkit.definitions.metric_swap import swap_metrics
from toolkit.errors import ScoresError
from toolkit.report.card.definition_table import metric_table
from toolkit.study.token_lengths import LENGTHS_FILE, TokenLengths

HEADER = "task,item,token_metric,exact_metric,n_tokens"
PER_TOKEN = "per_token"


@pytest.fixture
def with_tokens(tiny_study):
    """Return the small study with accuracy per token of task sorting, and its answers' lengths."""
    table = pd.read_csv(tiny_study / "scores.csv")
    own = table[table["task"] == "sorting"]
    token = own.assign(metric=PER_TOKEN, n_correct=np.nan, score=own["score"] ** 0.5, score_se=0.01)
    pd.concat([table, token]).to_csv(tiny_study / "scores.csv", index=False)
    n_items = int(own["n_items"].iloc[0])
    lines = [f"sorting,q{n},{PER_TOKEN},accuracy,2" for n in range(n_items)]
    (tiny_study / LENGTHS_FILE).write_text("\n".join([HEADER, *lines]) + "\n")
    return tiny_study


def test_study_without_the_file_knows_no_lengths(tiny_study):
    assert load_study_folder(str(tiny_study)).token_lengths == {}


def test_lengths_are_read_by_task_and_compared_cell_by_cell(with_tokens):
    source = load_study_folder(str(with_tokens))
    assert source.token_lengths == {"sorting": TokenLengths(PER_TOKEN, "accuracy", (2,) * 200)}
    (claim,) = [c for c in source.claims if c.task == "sorting"]
    results = swap_metrics(claim, source.scores, "closed", source.token_lengths["sorting"])
    shown = metric_table(results)
    assert "Whole answers from single tokens, zero-shot, base" in shown
    for check in results[0].tokens:
        assert check.predicted == pytest.approx(check.observed)
        assert check.agrees
    n = len(results[0].tokens)
    assert n
    assert f"predicts in {n} of {n} cells." in results[0].text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sortin,q,per_token,accuracy,2", "line 2 column 'task': got 'sortin' (did you mean"),
        ("sorting,q,per_tokem,accuracy,2", "column 'token_metric': got 'per_tokem' (did you mean"),
        ("sorting,q,per_token,exact,2", "column 'exact_metric': got 'exact'"),
        ("sorting,q,per_token,accuracy,0", "got '0', expected a whole number, 1 or more"),
        ("sorting,q,per_token,accuracy,2.5", "expected a whole number, 1 or more"),
        ("sorting,q,per_token,accuracy", "line 2: got 4 fields, expected 5"),
        ("sorting,q,per_token,accuracy,2\nsorting,q,per_token,accuracy,3", "line 3: got"),
        ("sorting,q,per_token,accuracy,2\nsorting,r,accuracy,per_token,3",
         "line 3: got other metrics of task 'sorting' than above"),
    ],
)  # fmt: skip
def test_spoilt_lengths_are_one_error_with_their_line(with_tokens, line, said):
    (with_tokens / LENGTHS_FILE).write_text(f"{HEADER}\n{line}\n")
    with pytest.raises(ScoresError) as error:
        load_study_folder(str(with_tokens))
    assert LENGTHS_FILE in str(error.value)
    assert said in str(error.value)
