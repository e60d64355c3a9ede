"""What a name and a score must be before they go on: files of other people may hold anything."""

from toolkit.errors import SourceError
from toolkit.tables import shortened

NAME_MAX = 200
ID_MAX = 1000


def check_proportion(score: float, where: str, metric: str) -> None:
    """Raise unless a score is a proportion; NaN and infinities are none."""
    if isinstance(score, bool) or not 0 <= score <= 1:
        msg = (
            f"{where}: got {shortened(score)}, expected a proportion in [0, 1]; divide percentages "
            f"by 100, or leave the metric out with --leave-out {shortened(metric)}."
        )
        raise SourceError(msg)


def check_mean(
    got: tuple[int, float], said: tuple[int | None, float], tolerance: float, metric: str,
    where: str, record: str,
) -> None:  # fmt: skip
    """Raise unless scored items have the number and the mean that a record says.

    A number that is not said is None. A mean of NaN is no mean, so that it is never right.
    """
    if said[0] in (None, got[0]) and abs(got[1] - said[1]) <= tolerance:
        return
    msg = (
        f"{where}: got {got[0]} items with mean {got[1]:.6f} of {shortened(metric)}, expected "
        f"{'the' if said[0] is None else said[0]} items with mean {said[1]:.6f} as in {record}; "
        "the items are cut off or of another run: restore all files of one run, or leave the "
        f"metric out with --leave-out {shortened(metric)}."
    )
    raise SourceError(msg)


def name_of(value: object, what: str, where: str) -> str:
    """Return a name that is safe to print, to put on a page and to write into a table."""
    name = text_of(value, what, where, NAME_MAX)
    got = _fault_of(name)
    if got:
        msg = (
            f"{where}: got {got} in the {what} {shortened(name)!r}, expected a plain name; "
            "rename it in the file."
        )
        raise SourceError(msg)
    return name


def is_name(text: str, longest: int = NAME_MAX) -> bool:
    """Return whether a text is such a name, of at most so many characters."""
    return 0 < len(text) <= longest and text.isprintable() and not _fault_of(text)


def _fault_of(name: str) -> str:
    if ".." in name.replace("\\", "/").split("/"):
        return "a step out of its folder"
    if set(name) & set("<>"):
        return "markup"
    return "spaces at its ends" if name != name.strip() else ""


def text_of(value: object, what: str, where: str, longest: int) -> str:
    """Return a text of printable characters within a length."""
    if isinstance(value, str) and 0 < len(value) <= longest and value.isprintable():
        return value
    got = f"{len(value)} characters, " if isinstance(value, str) else ""
    msg = (
        f"{where}: got {what} {got}{shortened(value)!r}, expected a text of 1 to {longest} "
        "printable characters; correct it in the file."
    )
    raise SourceError(msg)
