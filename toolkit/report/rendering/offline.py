"""Check that a finished page is complete: what it needs is inside the file, or put beside it.

Links that a reader may follow are no concern here; what the browser fetches by itself is.
"""

import re
from collections.abc import Collection
from html.parser import HTMLParser
from typing import NamedTuple

from toolkit.errors import ReportError

# Attributes whose value a browser fetches on its own, by element ("*" = any element).
LOADED = {
    "*": ("src", "poster", "background", "srcset", "imagesrcset"),
    "object": ("data",),
    "script": ("data-src",),  # what the page's own script reads later
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "feimage": ("href", "xlink:href"),
}
LOADING_RELS = {
    "stylesheet", "preload", "modulepreload", "prefetch", "icon", "shortcut", "apple-touch-icon",
    "manifest", "preconnect", "dns-prefetch", "mask-icon", "import",
}  # fmt: skip
INSIDE = ("data:", "#", "blob:", "about:")
CSS_URL = re.compile(r"url\(\s*(\"[^\"]*\"|'[^']*'|[^)]*)\)", re.IGNORECASE)
CSS_IMPORT = re.compile(r"@import\s+(?:url\()?\s*[\"']?([^\"')\s;]+)", re.IGNORECASE)
SHOWN = 10


class Outside(NamedTuple):
    """One thing that the page would load."""

    line: int
    what: str
    target: str


class _Scanner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Outside] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        values = {name: value or "" for name, value in attrs}
        for name in (*LOADED["*"], *LOADED.get(tag, ())):
            if name in values:
                self._note(f"<{tag} {name}>", _targets(name, values[name]))
        if tag == "link" and set(values.get("rel", "").lower().split()) & LOADING_RELS:
            self._note("<link href>", [values.get("href", "")])
        if tag == "base" and "href" in values:
            self._note("<base href>", [values["href"]])
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self._note("<meta refresh>", re.findall(r"url=\s*(\S+)", values.get("content", "")))
        if tag == "iframe" and "srcdoc" in values:
            self.found.extend(outside_resources(values["srcdoc"]))
        self._note(f"style of <{tag}>", _css_targets(values.get("style", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        # Contents of scripts are text here: the parser reads no elements inside them.
        if self._in_style:
            self._note("<style>", _css_targets(data))

    def _note(self, what: str, targets: list[str]) -> None:
        line = self.getpos()[0]
        for target in targets:
            cleaned = target.strip()
            if cleaned and not cleaned.lower().startswith(INSIDE):
                self.found.append(Outside(line, what, cleaned))


def _targets(name: str, value: str) -> list[str]:
    if not name.endswith("srcset"):
        return [value]
    # A data URL holds commas of its own; a candidate ends at a comma before white space.
    return [part.split()[0] for part in re.split(r",\s+", value) if part.strip()]


def _css_targets(css: str) -> list[str]:
    text = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    urls = [target.strip("\"' ") for target in CSS_URL.findall(text)]
    return list(dict.fromkeys(urls + CSS_IMPORT.findall(text)))


def outside_resources(page: str) -> list[Outside]:
    """Return everything the page would load that is not inside it."""
    scanner = _Scanner()
    scanner.feed(page)
    scanner.close()
    return scanner.found


def check_offline(page: str, name: str, beside: Collection[str] = ()) -> None:
    """Raise when the page called ``name`` would load anything but the files ``beside`` it."""
    found = [item for item in outside_resources(page) if item.target not in beside]
    if not found:
        return
    lines = [f"  line {item.line}, {item.what}: {item.target[:200]}" for item in found[:SHOWN]]
    more = [f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    head = f"{name}: the page would load {len(found)} file(s) from outside:"
    raise ReportError("\n".join([head, *lines, *more]))
