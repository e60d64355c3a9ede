"""Every folder and file name of the project, in one place.

``EMERGENCE_ROOT`` moves the whole workspace (data, reports and cache) elsewhere.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def root() -> Path:
    """Return the folder that holds ``data/`` and ``reports/``."""
    return Path(os.environ.get("EMERGENCE_ROOT", CHECKOUT)).resolve()


def data_dir() -> Path:
    """Return the folder with one subfolder per bundled study."""
    return root() / "data"


def shared_tasks_file() -> Path:
    """Return the list of tasks that several bundled studies measured."""
    return data_dir() / "shared_tasks.toml"


def reports_dir() -> Path:
    """Return the folder with the report documents."""
    return root() / "reports"


def site_dir() -> Path:
    """Return the folder that ``emergence report`` writes to."""
    return reports_dir() / "_site"


def docs_dir() -> Path:
    """Return the folder with the pages of the documentation; they belong to the checkout."""
    return CHECKOUT / "docs"


def docs_site_dir() -> Path:
    """Return the folder that ``emergence docs`` writes to."""
    return site_dir() / "docs"


def cache_dir() -> Path:
    """Return the folder of cached draws; safe to delete."""
    return root() / ".cache"


def analysis_file(study_id: str) -> Path:
    """Return the analysis settings of a study."""
    return reports_dir() / study_id / "analysis.toml"


def kept_verdicts_file(study_id: str) -> Path:
    """Return the committed verdicts of a bundled study."""
    return reports_dir() / study_id / "results" / "verdicts.json"


def is_bundled(folder: Path) -> bool:
    """Return whether this is a bundled study's folder, not one elsewhere of the same name."""
    return folder.resolve().parent == data_dir().resolve()


def robustness_dir(study_folder: Path) -> Path:
    """Return the folder of a study's kept robustness tables.

    A bundled study keeps them beside its report, another one in its own folder.
    """
    if is_bundled(study_folder):
        return reports_dir() / study_folder.name / "results" / "robustness"
    return study_folder / "results" / "robustness"


def calibration_dir(design: str, profile: str) -> Path:
    """Return the folder of a design's calibration; a quick one never lies where a full one does."""
    full = reports_dir() / "calibration" / design
    return full if profile == "full" else cache_dir() / "calibration-quick" / design


REGISTRY = CHECKOUT / "data" / "registry" / "checkpoints.csv"
VERDICTS_SCHEMA = CHECKOUT / "toolkit" / "report" / "verdicts.schema.json"


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``target`` only when the block succeeds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; results are meant to be read by others.
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(target: Path, text: str) -> None:
    """Write a text so that a reader finds the old one or the new one, never half of it."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def sha256_of(path: Path) -> str:
    """Return the hash of a file's bytes, read piece by piece."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
