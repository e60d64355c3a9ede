"""TOML files into frozen dataclasses; an unknown or missing key is an error, never a default.

``toml_lines`` writes what such a file says.
"""

import dataclasses
import json
import math
import sys
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from toolkit.errors import ClaimError, did_you_mean

Record = TypeVar("Record")


def read_toml(path: Path) -> dict[str, Any]:
    """Return the parsed file, or raise ``ClaimError`` naming the line that does not parse."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        msg = f"{path}: file not found; a study folder needs it."
        raise ClaimError(msg) from None
    except OSError as error:
        msg = f"{path}: can't be read ({error.strerror}), expected a TOML file; restore it."
        raise ClaimError(msg) from None
    except RecursionError:
        msg = f"{path}: not valid TOML: nested too deep; correct the file."
        raise ClaimError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not valid TOML: {error}; correct the file."
        raise ClaimError(msg) from None


def from_table(record: type[Record], table: object, where: str) -> Record:
    """Return ``record`` filled from a TOML table.

    Raises
    ------
    ClaimError
        When a key is unknown or missing, or a value has another type than the field.
    """
    if not isinstance(table, dict):
        msg = f"{where}: got {table!r}, expected a table of keys and values."
        raise ClaimError(msg)
    fields = {field.name: field for field in dataclasses.fields(record)}  # pyright: ignore[reportArgumentType]
    hints = typing.get_type_hints(record)
    for key in table:
        if key not in fields:
            known = ", ".join(sorted(fields))
            msg = f"{where}: unknown key '{key}'{did_you_mean(key, list(fields))}. Known: {known}."
            raise ClaimError(msg)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _convert(table[name], hints[name], f"{where}: key '{name}'")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            msg = f"{where}: key '{name}' is missing; add it."
            raise ClaimError(msg)
    return record(**values)


def _convert(value: object, hint: Any, where: str) -> object:
    """Return ``value`` as the type ``hint``, or raise ``ClaimError``."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_table(hint, value, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return _convert_list(value, arguments[0], where)
    if origin in (types.UnionType, typing.Union):
        inner = [argument for argument in arguments if argument is not type(None)]
        return _convert(value, inner[0], where)
    if origin is typing.Literal:
        if value not in arguments:
            hinted = did_you_mean(str(value), [str(a) for a in arguments])
            msg = f"{where}: got {value!r}{hinted}, expected one of {list(arguments)}."
            raise ClaimError(msg)
        return value
    return _convert_plain(value, hint, where)


def _convert_list(value: object, hint: Any, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        msg = f"{where}: got {value!r}, expected a list."
        raise ClaimError(msg)
    return tuple(_convert(v, hint, f"{where}[{i}]") for i, v in enumerate(value))


def _convert_plain(value: object, hint: Any, where: str) -> object:
    """Return a text, number or truth value; a whole number may stand for a float."""
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _finite(value, where)
    if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
        msg = f"{where}: got {value!r}, expected {hint.__name__}."
        raise ClaimError(msg)
    return value


def _finite(value: float, where: str) -> float:
    """Return a finite float; TOML also knows inf, nan and integers of any length."""
    too_long = isinstance(value, int) and abs(value) > sys.float_info.max
    if too_long or not math.isfinite(value):
        shown = "an integer beyond all floats" if too_long else value
        msg = f"{where}: got {shown}, expected a finite number."
        raise ClaimError(msg)
    return float(value)


def toml_lines(table: Mapping[str, Any]) -> str:
    """Return keys with texts, numbers, truth values and lists of them as TOML."""
    # TOML writes these as JSON does.
    return "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in table.items())
