"""An import writes all of a study or nothing, and says what the study can show."""

from pathlib import Path

import pandas as pd
import pytest

from toolkit.errors import SourceError
from toolkit.importing import flow
from toolkit.importing.flow import Request, import_study
from toolkit.importing.items_file import items_file
from toolkit.importing.study_tables import staged
from toolkit.sources.records import Ledger
from toolkit.sources.runs import Cell, Item, Run
from toolkit.study.registry import load_registry
from toolkit.study.scores import read_scores

HEADER = "checkpoint,task,metric,prompt_format,n_shots,n_items,n_correct\n"
FALCON = "tiiuae/falcon-7b"


def table(folder, *rows, name="cells.csv"):
    path = folder / name
    lines = [f"{c},{task},acc,closed,{shots},100,{right}\n" for c, task, shots, right in rows]
    path.write_text(HEADER + "".join(lines))
    return path


@pytest.fixture
def chance(tmp_path):
    path = tmp_path / "tasks.csv"
    path.write_text("task,metric_of_record,chance,chance_source\nriddles,acc,0.5,two options\n")
    return path


@pytest.fixture
def request_of(tmp_path, chance):
    """Return a function that makes a request for a table of (checkpoint, shots, right)."""

    def make(*rows):
        return Request(
            "long", table(tmp_path, *((c, "riddles", s, r) for c, s, r in rows)), tasks=chance
        )

    return make


def test_folder_is_a_study_that_is_read_like_any_other(tmp_path, request_of):
    to = tmp_path / "new" / "folder" / "study"
    done = import_study(request_of(("gpt2", 0, 55)), to)
    assert sorted(p.name for p in to.iterdir()) == ["checkpoints.csv", "scores.csv", "tasks.csv"]
    assert {path.name: n for path, n in done.files.items()} == {
        "scores.csv": 1, "checkpoints.csv": 1, "tasks.csv": 1,
    }  # fmt: skip
    scores = read_scores(to)
    assert scores.frame["study"].tolist() == ["study"]
    assert scores.frame["n_params"].tolist() == [124e6]


def test_second_import_replaces_the_tables_and_keeps_the_users_files(tmp_path, request_of):
    to = tmp_path / "study"
    import_study(request_of(("gpt2", 0, 55)), to)
    (to / "claims.toml").write_text("# mine\n")
    (to / "items.parquet").write_text("of the first import")
    import_study(request_of(("gpt2", 0, 60), ("gpt2-xl", 0, 61)), to)
    assert read_scores(to).frame["n_correct"].tolist() == [60, 61]
    assert (to / "claims.toml").read_text() == "# mine\n"
    assert not (to / "items.parquet").exists()


def test_fault_while_writing_leaves_the_first_study_as_it_was(
    tmp_path, request_of, snapshot, monkeypatch
):
    to = tmp_path / "study"
    import_study(request_of(("gpt2", 0, 55)), to)
    second = request_of(("gpt2", 0, 60))
    before = snapshot(tmp_path)

    def fail(tables, folder):
        (folder / "scores.csv").write_text("half")
        raise SourceError("no room")

    monkeypatch.setattr(flow, "write_tables", fail)
    with pytest.raises(SourceError, match="no room"):
        import_study(second, to)
    assert snapshot(tmp_path) == before


def test_files_that_can_not_take_their_place_leave_the_first_study_as_it_was(
    tmp_path, request_of, snapshot, monkeypatch
):
    to = tmp_path / "study"
    import_study(request_of(("gpt2", 0, 55)), to)
    (to / "results").mkdir()
    (to / "results" / "verdicts.json").write_text("{}")
    before, rename = snapshot(to), Path.rename
    second = request_of(("gpt2", 0, 60))

    def fail(self, target):
        if target == to / "scores.csv" and self.parent.name != ".before":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(SourceError, match="No space left"):
            import_study(second, to)
    assert snapshot(to) == before
    import_study(second, to)
    assert (to / "results" / "verdicts.json").read_text() == "{}"
    assert read_scores(to).frame["n_correct"].tolist() == [60]


def test_target_that_is_a_file_is_an_error(tmp_path, request_of):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(SourceError, match="got a file, expected a folder"):
        import_study(request_of(("gpt2", 0, 55)), tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "x"


def test_interrupt_leaves_no_folder(tmp_path):
    with pytest.raises(KeyboardInterrupt), staged(tmp_path / "study") as folder:
        (folder / "scores.csv").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_report_names_arms_repeats_and_cells_below_chance(tmp_path, request_of):
    request = request_of(("gpt2", 0, 20), ("gpt2", 5, 52), (f"{FALCON}-instruct", 5, 80))
    said = "\n".join(import_study(request, tmp_path / "study").lines)
    assert "Repeats: none" in said
    assert "Chance 0.5 (two options): riddles." in said
    assert "Below chance by over 2 standard errors: 1 cell," in said
    assert "openai-community/gpt2 on riddles (0 shots, 0.2 against 0.5)" in said
    assert "Arm zero-shot, base: 1 task, 1 size; fewer than 4 sizes: riddles." in said
    assert "Arm zero-shot, instruction-tuned: not measured." in said
    assert "Arm few-shot, instruction-tuned: 1 task," in said


def test_chance_at_odds_with_the_counted_options_is_noted(tmp_path, chance):
    path = tmp_path / "items.csv"
    path.write_text(
        "checkpoint,task,metric,prompt_format,n_shots,item,correct,n_options\n"
        "gpt2,riddles,acc,closed,0,a,1,4\n"
    )
    said = import_study(Request("long", path, tasks=chance), tmp_path / "study").lines
    assert "Note: riddles: chance 0.5 given, 0.25 counted." in said


def test_metric_of_record_is_chosen_in_the_open(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text(
        "checkpoint,task,metric,prompt_format,n_shots,item,correct,n_options\n"
        "gpt2,riddles,f1,closed,0,a,1,4\ngpt2,riddles,acc,closed,0,a,1,4\n"
    )
    said = import_study(Request("long", path), tmp_path / "study").lines
    assert "Note: riddles: metric of record is acc, not f1; --tasks changes it." in said
    assert read_scores(tmp_path / "study").tasks["metric_of_record"].tolist() == ["acc"]


def test_metric_of_record_that_was_not_read_is_an_error_in_the_users_file(tmp_path, chance):
    path = table(tmp_path, ("gpt2", "riddles", 0, 50))
    chance.write_text(
        "task,metric_of_record,chance,chance_source\nsums,acc,0,x\nriddles,accc,0.5,two options\n"
    )
    with pytest.raises(SourceError) as caught:
        import_study(Request("long", path, tasks=chance), tmp_path / "study")
    said = f"{chance} line 3: got metric_of_record 'accc' (did you mean 'acc'?), expected one that"
    assert str(caught.value).startswith(said)
    assert not (tmp_path / "study").exists()


def test_metric_that_is_left_out_is_no_cell(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text(
        "checkpoint,task,metric,prompt_format,n_shots,item,correct,n_options\n"
        "gpt2,riddles,f1,closed,0,a,37,4\ngpt2,riddles,acc,closed,0,a,1,4\n"
    )
    with pytest.raises(SourceError, match="leave the metric out with --leave-out f1"):
        import_study(Request("long", path), tmp_path / "study")
    done = import_study(Request("long", path, leave_out=("f1",)), tmp_path / "study")
    assert "Dropped: scores of f1, 1 time (left out by --leave-out)." in done.lines
    assert read_scores(tmp_path / "study").frame["metric"].tolist() == ["acc"]


def test_items_are_written_in_batches_and_in_order(tmp_path, monkeypatch):
    from toolkit.importing import items_file as module

    monkeypatch.setattr(module, "BATCH", 3)
    cell = Cell("gpt2", "riddles", "acc", "closed", 0)
    with items_file(tmp_path / "items.parquet", load_registry()) as take:
        for at in range(7):
            take(cell, "1", Item(f"q{at}", at % 2, 4, -0.5, 0.25, 1.5 if at else None))
    items = pd.read_parquet(tmp_path / "items.parquet")
    assert items["item"].tolist() == [f"q{at}" for at in range(7)]
    assert items["score"].tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert items["checkpoint"].unique().tolist() == ["openai-community/gpt2"]
    assert items["brier"].isna().tolist() == [True] + [False] * 6


def test_ledger_keeps_no_items_but_eight_bytes_each():
    ledger = Ledger()
    cell = Cell("gpt2", "riddles", "acc", "closed", 0)
    for at in range(1000):
        ledger.add_item(cell, "1", Item(f"q{at}", float(at < 300), 4), "x")
    tally = next(iter(ledger._open.values()))
    assert tally.ids.itemsize * len(tally.ids) == 8000
    ledger.close("x")
    assert ledger._open == {}
    assert (ledger.runs[cell][0].n_items, ledger.runs[cell][0].score) == (1000, 0.3)


def test_cell_of_equal_part_scores_is_dropped_because_it_has_no_error(tmp_path, chance):
    path = tmp_path / "items.csv"
    path.write_text(
        "checkpoint,task,metric,prompt_format,n_shots,item,correct\n"
        "gpt2,riddles,acc,closed,0,a,0.5\ngpt2,riddles,acc,closed,0,b,0.5\n"
        "gpt2-xl,riddles,acc,closed,0,a,0.5\ngpt2-xl,riddles,acc,closed,0,b,1\n"
    )
    done = import_study(Request("long", path, tasks=chance), tmp_path / "study")
    assert "Dropped: cells of acc, 1 time (every item has the same part score" in "\n".join(
        done.lines
    )
    frame = read_scores(tmp_path / "study").frame
    assert frame["checkpoint"].tolist() == ["openai-community/gpt2-xl"]
    # 0.5 and 1: SD sqrt(1/8)
    assert frame["score_se"].tolist() == [pytest.approx(0.25)]


def test_two_names_of_one_checkpoint_are_one_run_unless_told_apart(tmp_path, request_of, chance):
    request = request_of(("gpt2", 0, 50), ("openai-community/gpt2", 0, 54))
    with pytest.raises(SourceError, match=r"line 3: .* again \(first .* line 2 as gpt2, the same"):
        import_study(request, tmp_path / "study")
    path = tmp_path / "repeats.csv"
    path.write_text(
        HEADER.replace("\n", ",repeat\n")
        + "gpt2,riddles,acc,closed,0,100,50,a\n"
        + "openai-community/gpt2,riddles,acc,closed,0,100,54,b\n"
    )
    import_study(Request("long", path, tasks=chance), tmp_path / "study")
    row = read_scores(tmp_path / "study").frame.iloc[0]
    assert (row["n_repeats"], row["n_correct"], row["score"]) == (2, 52, 0.52)


def test_run_keeps_what_it_is_told():
    ledger = Ledger()
    cell = Cell("gpt2", "riddles", "acc", "closed", 0)
    ledger.add_run(cell, "1", Run(10, 0.5, 0.0, True, None), "x")
    ledger.forget_last(cell, "not known for every item")
    assert ledger.runs == {}
    assert ledger.dropped == {("scores of acc", "not known for every item"): 1}
