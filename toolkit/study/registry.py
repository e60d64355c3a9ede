"""Facts about checkpoints that files of scores never carry, looked up by name.

``data/registry/checkpoints.csv`` is shipped, with the source of every row; a user's own file of the
same columns is put before it. A name that neither holds is an error that prints the lines to add:
size, family and tuning decide what a study says, so none of them is ever guessed. Where only the
owner before a name is not known, the line that is printed has the facts, for the user to affirm.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from toolkit import paths
from toolkit.errors import SourceError, did_you_mean
from toolkit.study.scores import CHECKPOINT_COLUMNS, CHECKPOINTS_SCHEMA
from toolkit.tables import csv_text, line_of, read_table, shortened

ALIAS_SEPARATOR = "|"
# Converted to the format of the hub, a checkpoint is still the same.
HUB_ENDING = "-hf"
KEPT = ["checkpoint", *CHECKPOINT_COLUMNS, "facts_source"]
COLUMNS = ["checkpoint", "aliases", *CHECKPOINT_COLUMNS, "facts_source"]
REGISTRY_SCHEMA = CHECKPOINTS_SCHEMA.remove_columns(["api", "developer"]).add_columns(
    {
        "aliases": pa.Column(
            str, description=f"other names, separated by {ALIAS_SEPARATOR}", nullable=True
        )
    }
)


@dataclass(frozen=True)
class Registry:
    """Facts by checkpoint, and every name a checkpoint is known by (lower case)."""

    facts: pd.DataFrame
    names: Mapping[str, str]
    own_file: Path | None

    def name_of(self, given: str) -> str | None:
        """Return the name of a checkpoint here, or None; case does not matter."""
        return self.names.get(given.lower())

    def rows(self, checkpoints: Iterable[str]) -> pd.DataFrame:
        """Return the facts of some checkpoints and of all their bases, in the order of names."""
        wanted: set[str] = set()
        waiting = list(checkpoints)
        bases = self.facts["base_checkpoint"]
        while waiting:
            name = waiting.pop()
            if name in wanted:
                continue
            wanted.add(name)
            if pd.notna(bases[name]):
                waiting.append(str(bases[name]))
        return self.facts.loc[sorted(wanted)].reset_index()[KEPT]


def load_registry(own_file: Path | None = None) -> Registry:
    """Return the shipped registry with the rows of ``own_file`` put before it.

    Raises
    ------
    ScoresError
        When a file breaks the column contract.
    SourceError
        When one name stands for two checkpoints, or a base is not in either file.
    """
    files = [path for path in (own_file, paths.REGISTRY) if path]
    frames = [(path, read_table(path, REGISTRY_SCHEMA)) for path in files]
    names: dict[str, str] = {}
    for path, frame in frames:
        _check_names(frame, path)
        for own in _known_as(frame):
            names = own | names  # what was there before wins
    facts = pd.concat([frame for _, frame in frames], ignore_index=True)
    facts = facts[~facts["checkpoint"].duplicated()].set_index("checkpoint")
    taken: set[str] = set()
    for path, frame in frames:
        facts = _with_bases(frame[~frame["checkpoint"].isin(taken)], facts, names, path)
        taken |= set(frame["checkpoint"])
    return Registry(facts, names, own_file)


def resolve(registry: Registry, sizes: Mapping[str, float | None]) -> dict[str, str]:
    """Return the registry's name of each checkpoint found.

    ``sizes`` maps the names found to the parameters that their files give, or None; they fill the
    lines that the error prints.
    """
    known = {given: registry.name_of(given) for given in sizes}
    unknown = sorted(given for given, name in known.items() if name is None)
    if unknown:
        raise SourceError(_unknown(registry, unknown, sizes))
    return {given: name for given, name in known.items() if name is not None}


def line_to_add(name: str, n_params: float | None) -> str:
    """Return a line of a registry file, with the facts to fill in in capitals."""
    size = f"{n_params:.0f}" if n_params else "N_PARAMS"
    return csv_line([name, "", "FAMILY", size, "", "", "TRUE_OR_FALSE", "", "SOURCE"])


def csv_line(cells: list[str]) -> str:
    """Return a line of a CSV file without its end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _unknown(registry: Registry, unknown: list[str], sizes: Mapping[str, float | None]) -> str:
    first = unknown[0]
    hint = did_you_mean(first.lower(), list(registry.names))
    said = registry.own_file or "a file of your own (header below) given with --checkpoints FILE"
    lines = "\n".join(
        _line_of_namesake(registry, name) or line_to_add(name, sizes[name]) for name in unknown
    )
    return (
        f"checkpoint {shortened(first)!r}: not in the registry{hint}, got {len(unknown)} such "
        f"name{'s' if len(unknown) > 1 else ''}, expected checkpoints whose size and family are "
        "known; fill in what stands in capitals, make sure that a complete line is of this very "
        f"checkpoint, and add to {said}:\n{','.join(COLUMNS)}\n{lines}"
    )


def _line_of_namesake(registry: Registry, name: str) -> str | None:
    """Return the line of a checkpoint of this name but for its owner, with the name as alias."""
    owner, _, bare = name.rpartition("/")
    known = registry.name_of(bare) or registry.name_of(bare.removesuffix(HUB_ENDING))
    if not owner or known is None:
        return None
    facts = registry.facts.loc[[known]].reset_index().assign(aliases=name)[COLUMNS]
    return csv_text(facts).splitlines()[1]


def _known_as(frame: pd.DataFrame) -> list[dict[str, str]]:
    """Return lower-case name to checkpoint, row by row: its own name and its aliases."""
    return [
        {alias.lower(): str(name) for alias in (str(name), *_aliases(text))}
        for name, text in zip(frame["checkpoint"], frame["aliases"], strict=True)
    ]


def _aliases(text: object) -> list[str]:
    """Return the aliases that a cell lists; a missing cell is no text."""
    listed = text.split(ALIAS_SEPARATOR) if isinstance(text, str) else []
    return [alias.strip() for alias in listed if alias.strip()]


def _check_names(frame: pd.DataFrame, path: Path) -> None:
    """Raise when a name of this file stands for two of its checkpoints."""
    seen: dict[str, str] = {}
    for at, names in enumerate(_known_as(frame)):
        for alias, name in names.items():
            if seen.setdefault(alias, name) != name:
                msg = (
                    f"{path} line {line_of(at)}: got the name {shortened(alias)!r} for "
                    f"{shortened(name)!r} and for {shortened(seen[alias])!r}, expected one "
                    "checkpoint per name in any case of letters; remove one of the two."
                )
                raise SourceError(msg)


def _with_bases(
    frame: pd.DataFrame, facts: pd.DataFrame, names: Mapping[str, str], path: Path
) -> pd.DataFrame:
    """Return the facts with the bases of a file's rows under their registry names."""
    based = frame[frame["base_checkpoint"].notna()]
    columns = based.index.to_numpy(), based["checkpoint"], based["base_checkpoint"]
    for at, name, base in zip(*columns, strict=True):
        found = names.get(str(base).lower())
        if found is None or found == name:
            msg = (
                f"{path} line {line_of(at)}: got base_checkpoint {shortened(base)!r}"
                f"{did_you_mean(str(base).lower(), list(names))}, expected another checkpoint of "
                "this file or of the registry; add the base or leave the cell empty."
            )
            raise SourceError(msg)
        facts.loc[name, "base_checkpoint"] = found
    return facts
