"""The model as a picture: what a score is made of, from shared scales to counts.

An SVG inside the page, in the page's own colours, so that it is right in the dark and on paper. It
is narrow and tall: on a phone its words keep their size.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

WIDTH, HEIGHT = 344, 482
LINE = 15  # from one line of text to the next
GAP = 12
HALF = (WIDTH - GAP) // 2
ARROW = "model-picture-arrow"
WORDS = (
    "The model from top to bottom. Means and scales that all tasks share say what is usual. From "
    "them come, for each task, a smooth curve over size and the gains from demonstrations and "
    "tuning; for each checkpoint effects of its own; and a step at one gap between sizes, in none "
    "of its arms or in some. They add up to log-odds. Chance and a ceiling turn these into an "
    "expected score, and the number of items into the counts that were published."
)


def model_picture() -> str:
    """Return the picture as a figure with its words."""
    svg = Element(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "class": "model-picture",
            "role": "img",
            "aria-label": WORDS,
        },
    )
    _arrow_head(svg)
    left, right, middle = HALF // 2, WIDTH - HALF // 2, WIDTH // 2
    _box(svg, 0, 0, WIDTH, ("What tasks share", "means and scales of every effect"), "shared")
    for x in (left, right):
        _arrow(svg, (x, 44), (x, 64))
    _box(svg, 0, 66, HALF, ("Smooth curve", "by task: level,", "slope and bend"))
    _box(svg, HALF + GAP, 66, HALF, ("Gains", "from demonstrations", "and from tuning"))
    _box(svg, 0, 138, HALF, ("Own effects", "checkpoint, family,", "pair, and by task"))
    _box(svg, HALF + GAP, 138, HALF, ("Step", "in none or some of", "its arms, at one gap"), "step")
    for x in (left, right):
        _arrow(svg, (x, 198), (middle + (x - middle) // 3, 226))
    _box(svg, 0, 228, WIDTH, ("Log-odds of a right answer", "their sum, for one cell"))
    _arrow(svg, (left, 272), (left, 318), "above chance, below a ceiling")
    _box(svg, 0, 320, WIDTH, ("Expected score", "from guessing to nearly perfect"))
    _arrow(svg, (left, 364), (left, 410), "items, and spread beyond them")
    _box(svg, 0, 412, WIDTH, ("Right answers of n items", "what was published"), "seen")
    _note(svg, HEIGHT - 6, "Dashed: learned from all tasks together. Shaded: observed.")
    return f'<figure class="picture">{tostring(svg, encoding="unicode")}</figure>'


def _box(
    svg: Element, x: float, y: float, width: float, lines: Sequence[str], kind: str = "plain"
) -> None:
    """Draw a box with a title and lines of text below it."""
    height = 14 + LINE * len(lines)
    box = {"x": x + 1, "y": y + 1, "width": width - 2, "height": height, "rx": 6}
    SubElement(svg, "rect", {"class": kind, **{name: f"{v:g}" for name, v in box.items()}})
    for number, line in enumerate(lines):
        place = {"x": f"{x + width / 2:g}", "y": f"{y + 19 + LINE * number:g}"}
        text = SubElement(svg, "text", {"class": "title" if number == 0 else "line", **place})
        text.text = line


def _arrow(
    svg: Element, start: tuple[float, float], end: tuple[float, float], words: str = ""
) -> None:
    (x1, y1), (x2, y2) = start, end
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    attributes = {name: f"{value:g}" for name, value in ends.items()}
    SubElement(svg, "line", {"marker-end": f"url(#{ARROW})", **attributes})
    if words:
        text = SubElement(svg, "text", {"class": "beside", "x": f"{x1 + 12:g}"})
        text.set("y", f"{(y1 + y2) / 2 + 3:g}")
        text.text = words


def _arrow_head(svg: Element) -> None:
    marker = SubElement(
        SubElement(svg, "defs"),
        "marker",
        {"id": ARROW, "viewBox": "0 0 10 10", "refX": "9", "refY": "5", "orient": "auto"},
    )
    marker.set("markerWidth", "7")
    marker.set("markerHeight", "7")
    SubElement(marker, "path", {"d": "M0 0L10 5L0 10z"})


def _note(svg: Element, y: float, words: str) -> None:
    text = SubElement(svg, "text", {"class": "note", "x": f"{WIDTH / 2:g}", "y": f"{y:g}"})
    text.text = words
