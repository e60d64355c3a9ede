"""Documents whose commands are real: run what a document shows, and put what it prints below it.

A transcript is a block that begins with ```` ```console ````; its lines with ``$`` are commands (a
backslash at their end goes on in the next line), the others what they print to standard output.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from toolkit.paths import CHECKOUT

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\$ ((?:.*\\\n)*.*)")
DOCUMENTS = (CHECKOUT / "docs" / "tutorial.md",)
# What differs from machine to machine.
FOLDER = "<folder>"
FITS = ("report", "fit", "verdicts", "robustness", "calibrate")


@dataclass(frozen=True)
class Transcript:
    """One command of a document, as it stands there, and what it prints."""

    shown: str
    output: str

    @property
    def words(self) -> list[str]:
        """Return the command taken apart."""
        return shlex.split(self.shown.replace("\\\n", " "))

    @property
    def fits(self) -> bool:
        """Return whether the command fits a model, which takes more than a minute."""
        return self.words[0] == "emergence" and self.words[1] in FITS


def transcripts(text: str) -> list[Transcript]:
    """Return the commands of a document in their order, each with what it is said to print."""
    found = []
    for block in BLOCK.findall(text):
        parts = re.split(r"^(?=\$ )", block, flags=re.MULTILINE)
        for part in filter(None, parts):
            command = COMMAND.match(part)
            if command is None:
                msg = f"a console block must begin with '$ ': {part[:60]!r}"
                raise ValueError(msg)
            found.append(Transcript(command[1], part[command.end() :].strip("\n")))
    return found


def make_workspace(root: Path) -> None:
    """Fill a folder with what the commands find in a clone: examples, data, reports' documents."""
    shutil.copytree(CHECKOUT / "examples", root / "examples")
    for made in (root / "examples" / "own-scores" / "garden").glob("*.csv"):
        made.unlink()
    shutil.copytree(CHECKOUT / "data", root / "data")
    (root / "reports").mkdir()
    for path in (CHECKOUT / "reports").iterdir():
        if path.is_file():
            shutil.copy(path, root / "reports")


def run(transcript: Transcript, root: Path) -> str:
    """Run a command in a workspace and return what it prints, the same on every machine."""
    words = transcript.words
    if words[0] == "emergence":
        words = [sys.executable, "-c", "from toolkit.cli import main; main()", *words[1:]]
    env = {**os.environ, "EMERGENCE_ROOT": str(root), "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(words, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"'{transcript.shown}' failed: {done.stderr.strip()[-500:]}"
        raise RuntimeError(msg)
    lines = done.stdout.replace(str(root), FOLDER).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def written_anew(text: str, outputs: Sequence[str]) -> str:
    """Return a document with these outputs in place of those that it has."""
    remaining = iter(outputs)

    def block(found: re.Match[str]) -> str:
        commands = [f"$ {each.shown}\n{next(remaining)}" for each in transcripts(found[0])]
        return "\n".join(["```console", *commands, "```"])

    return BLOCK.sub(block, text)


def main(
    documents: Annotated[list[Path] | None, typer.Argument(help="By default the tutorial.")] = None,
) -> None:
    """Run the commands of documents and put what they print below them.

    Example: python -m benchmarks.transcripts docs/tutorial.md
    """
    for document in documents or DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        with TemporaryDirectory(prefix="transcripts-") as name:
            root = Path(name).resolve()
            make_workspace(root)
            outputs = []
            for each in transcripts(text):
                typer.echo(f"$ {each.shown}")
                outputs.append(run(each, root))
        document.write_text(written_anew(text, outputs), encoding="utf-8")
        typer.echo(f"Wrote {document}")


if __name__ == "__main__":
    typer.run(main)
