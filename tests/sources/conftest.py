"""What the tests of readers share: an import into a new folder, and one that must leave nothing."""

import pandas as pd
import pytest

from toolkit.errors import ToolkitError
from toolkit.importing.flow import Request, import_study
from toolkit.study.scores import read_scores


@pytest.fixture
def imported(tmp_path_factory):
    """Return a function that imports and gives the scores by cell, the folder and the report."""

    def run(name, path, **asked):
        to = tmp_path_factory.mktemp("to") / "study"
        done = import_study(Request(name, path, **asked), to)
        return read_scores(to), to, "\n".join(done.lines)

    return run


@pytest.fixture
def refused_import(tmp_path_factory, snapshot):
    """Return a function that runs an import that must fail, and gives its message."""

    def run(name, path, **asked):
        folder = tmp_path_factory.mktemp("refused")
        given = path if path.is_dir() else path.parent
        before = snapshot(given)
        with pytest.raises(ToolkitError) as caught:
            import_study(Request(name, path, **asked), folder / "study")
        assert list(folder.iterdir()) == []
        assert snapshot(given) == before
        message = str(caught.value)
        assert any(word in message for word in ("expected", "Known:", "is missing", "file"))
        assert len(message) < 2000
        return message

    return run


@pytest.fixture
def tasks_file(tmp_path_factory):
    """Return a function that writes a file of chance levels: task, metric of record, chance."""

    def write(*rows):
        path = tmp_path_factory.mktemp("tasks") / "tasks.csv"
        columns = ["task", "metric_of_record", "chance", "chance_source"]
        pd.DataFrame([(*row, "by hand") for row in rows], columns=columns).to_csv(path, index=False)
        return path

    return write


@pytest.fixture
def sizes_file(tmp_path_factory):
    """Return a function that writes facts of own checkpoints: name, size, tuned, base."""

    def write(*rows):
        path = tmp_path_factory.mktemp("sizes") / "checkpoints.csv"
        header = (
            "checkpoint,aliases,lm_family,n_params,train_flop,released,instruction_tuned,"
            "base_checkpoint,facts_source\n"
        )
        lines = [f"{name},,Own,{size},,,{tuned},{base},by hand" for name, size, tuned, base in rows]
        path.write_text(header + "\n".join(lines) + "\n")
        return path

    return write
