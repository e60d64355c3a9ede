"""The Python modules as pages: signatures and docstrings, read by griffe without importing.

Docstrings are words in this project's own code; they are escaped all the same, so that a star or a
bracket in one does not change the page.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from toolkit.errors import ReportError, install_extra
from toolkit.paths import CHECKOUT

GROUPS: Mapping[str, Sequence[str]] = {
    "Scores and claims": (
        "study.scores", "study.option_measures", "study.claims", "study.registry",
        "study.shared_tasks", "importing.study_tables", "importing.flow", "exporting.export",
        "planning.decidable",
    ),
    "Models and fits": (
        "models", "models.model", "models.design", "models.priors", "models.polynomial",
        "models.spline", "models.gaussian_process", "models.power_law", "models.step",
        "models.wide_step", "models.likelihood", "models.effects", "fit.sampling", "fit.draws",
        "fit.diagnose", "predictive.posterior_predictive", "predictive.prior_predictive",
    ),
    "Verdicts": (
        "estimands.estimate", "estimands.jumps", "estimands.even_odds", "estimands.curves",
        "estimands.onset", "estimands.shape", "estimands.reported", "verdict.gates",
        "verdict.support", "verdict.jump_place", "verdict.reasons", "verdict.rules",
        "verdict.judging", "analysis.analyse", "analysis.reproduction", "analysis.pooling",
    ),
    "Robustness": (
        "robustness.assess", "robustness.variants", "robustness.sensitivity",
        "robustness.extrapolation", "robustness.influence", "robustness.left_out",
        "robustness.axes", "robustness.specifications", "robustness.stability",
        "definitions.table", "definitions.metric_swap",
    ),
    "Simulation and calibration": (
        "simulate.designs", "simulate.tasks", "simulate.curves", "simulate.studies",
        "simulate.design_file", "calibrate.truths", "calibrate.judge", "calibrate.runs",
        "calibrate.sbc", "calibrate.targets", "calibrate.certificate", "planning.step_power",
    ),
    "Measuring": (
        "evaluate.plan.plan", "evaluate.plan.plan_file", "evaluate.items.task_items",
        "evaluate.requests", "evaluate.engine.engine", "evaluate.run",
    ),
    "Pages": (
        "report.site", "report.rendering.render", "report.docs_site", "report.display",
        "charts.jumps",
    ),
}  # fmt: skip
WIDTH = 78
# What would be Markdown outside of code.
SPECIAL = re.compile(r"([\\*_<>$@~^\[\]{}|#])")
CODE = re.compile(r"(``.+?``|`[^`]+`)")
# Columns that were lined up by hand, or lines that are set in.
DRAWN = re.compile(r"\S {2,}\S|^ {4}", re.MULTILINE)


def page_name(group: str) -> str:
    """Return the name of a group's page."""
    return f"reference-{group.lower().replace(' ', '-')}"


def reference_pages() -> dict[str, str]:
    """Return Markdown documents by name: one that lists all modules, and one for each group."""
    package = _package()
    loaded = {group: {name: package[name] for name in names} for group, names in GROUPS.items()}
    pages = {"reference": _overview(loaded)}
    for group, modules in loaded.items():
        body = "\n".join(_module(name, module) for name, module in modules.items())
        pages[page_name(group)] = f"{_front_matter(group)}\n{body}"
    return pages


def _package() -> Any:
    """Return the package as griffe sees it."""
    try:
        import griffe
    except ModuleNotFoundError as error:
        msg = f"The reference needs griffelib; {install_extra('docs')}."
        raise ReportError(msg) from error
    logging.getLogger("griffe").setLevel(logging.ERROR)
    return griffe.load(
        "toolkit", search_paths=[str(CHECKOUT)], allow_inspection=False, docstring_parser="numpy"
    )


def _front_matter(title: str) -> str:
    return f'---\ntitle: "{title}"\nsubtitle: "Python modules"\ntoc: true\ntoc-depth: 2\n---\n'


def _overview(loaded: Mapping[str, Mapping[str, Any]]) -> str:
    parts = [_front_matter("Python modules").replace('subtitle: "Python modules"\n', "")]
    for group, modules in loaded.items():
        parts.append(f"## {group}\n")
        for name, module in modules.items():
            target = f"{page_name(group)}.md#{_anchor(name)}"
            parts.append(f"- [`toolkit.{name}`]({target}): {_first_sentence(module)}")
        parts.append("")
    return "\n".join(parts)


def _module(name: str, module: Any) -> str:
    """Return a module with its public classes and functions, in the order of the file."""
    own = [m for m in module.members.values() if not m.is_alias and not m.name.startswith("_")]
    parts = [f"## toolkit.{name} {{#{_anchor(name)}}}\n", docstring_markdown(module)]
    parts += [_entry(m, f"{_anchor(name)}-{m.name}") for m in own if m.is_function or m.is_class]
    return "\n".join(parts)


def _entry(member: Any, anchor: str) -> str:
    """Return a function or class; of a class also its public methods."""
    shown = _class_line(member) if member.is_class else signature(member)
    parts = [f"### {markdown_of(member.name)} {{#{anchor}}}\n", f"```python\n{shown}\n```\n"]
    parts.append(docstring_markdown(member))
    if member.is_class:
        for method in member.members.values():
            if method.is_function and not method.name.startswith("_"):
                parts.append(f"```python\n{signature(method)}\n```\n\n{docstring_markdown(method)}")
    return "\n".join(parts)


def _class_line(member: Any) -> str:
    """Return a class with its fields, as they stand in the code."""
    bases = ", ".join(str(base) for base in member.bases)
    fields = [
        f"    {a.name}: {a.annotation}" + (f" = {a.value}" if a.value is not None else "")
        for a in member.attributes.values()
        if a.annotation is not None and "property" not in a.labels
    ]
    return "\n".join([f"class {member.name}{f'({bases})' if bases else ''}:", *fields])


def signature(function: Any) -> str:
    """Return a function's signature, a parameter on each line where one line is too short."""
    shown = list(_parameters(function))
    returns = f" -> {function.returns}" if function.returns is not None else ""
    line = f"{function.name}({', '.join(shown)}){returns}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{function.name}(", *(f"    {each}," for each in shown), f"){returns}"])


def _parameters(function: Any) -> Iterator[str]:
    stars = {"variadic positional": "*", "variadic keyword": "**"}
    starred = False
    for each in function.parameters:
        if each.name == "self":
            continue
        kind = each.kind.value
        if kind == "keyword-only" and not starred:
            yield "*"
        starred = starred or kind in ("keyword-only", "variadic positional")
        typed = f": {each.annotation}" if each.annotation is not None else ""
        default = f" = {each.default}" if each.default is not None and kind not in stars else ""
        yield f"{stars.get(kind, '')}{each.name}{typed}{default}"


def docstring_markdown(member: Any) -> str:
    """Return a docstring as Markdown; its sections as lists."""
    if member.docstring is None:
        return ""
    parts = []
    for section in member.docstring.parsed:
        if section.kind.value == "text":
            parts.append(markdown_of(section.value))
        else:
            parts.append(f"**{section.kind.value.capitalize()}**\n\n{_items(section.value)}")
    return "\n\n".join(parts) + "\n"


def _items(values: Any) -> str:
    lines = []
    for each in values if isinstance(values, list) else [values]:
        name = getattr(each, "name", None) or getattr(each, "annotation", None)
        said = " ".join(markdown_of(each.description).split())
        lines.append(f"- `{name}`: {said}" if name else f"- {said}")
    return "\n".join(lines)


def _first_sentence(module: Any) -> str:
    text = module.docstring.value.split("\n\n")[0] if module.docstring else ""
    return markdown_of(" ".join(text.split()))


def markdown_of(text: str) -> str:
    """Return plain words of a docstring as Markdown: paragraphs, drawings, and code."""
    return "\n\n".join(_paragraph(part) for part in text.split("\n\n"))


def plain_dashes(text: str) -> str:
    """Return Markdown in which the two dashes of an option stay two, but for those in code."""
    return _outside_code(text, lambda piece: piece.replace("--", r"\-\-"))


def _paragraph(text: str) -> str:
    if DRAWN.search(text):
        return f"```text\n{text.replace('``', '')}\n```"
    return plain_dashes(_outside_code(text, lambda piece: SPECIAL.sub(r"\\\1", piece)))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a text with the same change made to everything but its code spans."""
    return "".join(
        f"`{piece.strip('`')}`" if number % 2 else change(piece)
        for number, piece in enumerate(CODE.split(text))
    )


def _anchor(name: str) -> str:
    return f"toolkit-{name.replace('.', '-')}"
