"""What must hold between the keys of a plan, beyond the type of each."""

from collections.abc import Sequence
from pathlib import PurePath

from toolkit.errors import PlanError, did_you_mean, one_of
from toolkit.evaluate.plan.conditions import conditions
from toolkit.evaluate.plan.plan import METRICS, CheckpointPlan, DemonstrationPlan, Plan, TaskPlan
from toolkit.evaluate.plan.templates import check_format
from toolkit.sources.checks import name_of
from toolkit.study.claims import check_name


def check_plan(plan: Plan, where: str) -> None:
    """Raise ``ToolkitError`` for the first thing that can't be measured as it is written."""
    check_name(PurePath(plan.study).name, "study folder", f"{where}: key 'study'")
    for what, parts in (
        ("checkpoint", plan.checkpoint),
        ("task", plan.task),
        ("format", plan.format),
    ):
        _check_names([part.name for part in parts], what, where)
    for checkpoint in plan.checkpoint:
        _check_checkpoint(checkpoint, plan, f"{where}: checkpoint '{checkpoint.name}'")
    for each in plan.format:
        check_format(each, f"{where}: format '{each.name}'")
    for task in plan.task:
        _check_task(task, plan, f"{where}: task '{task.name}'")
    _check_demonstrations(plan.demonstrations, f"{where}: [demonstrations]")
    if plan.token_budget is not None:
        _check_at_least(plan.token_budget, 1, f"{where}: key 'token_budget'")
    _check_prompt_formats(plan, where)


def _check_names(names: Sequence[str], what: str, where: str) -> None:
    if not names:
        msg = f"{where}: got no [[{what}]], expected at least one; add it."
        raise PlanError(msg)
    seen: set[str] = set()
    for name in names:
        name_of(name, what, where)
        if name.casefold() in seen:
            msg = f"{where}: {what} '{name}' stands there twice; each needs a name of its own."
            raise PlanError(msg)
        seen.add(name.casefold())


def _check_checkpoint(checkpoint: CheckpointPlan, plan: Plan, where: str) -> None:
    name_of(checkpoint.lm_family, "lm_family", where)
    if (checkpoint.folder is None) == (checkpoint.hub is None):
        got = "both" if checkpoint.folder else "neither 'folder' nor 'hub'"
        msg = f"{where}: got {got}, expected one of 'folder' and 'hub'."
        raise PlanError(msg)
    if checkpoint.folder and checkpoint.revision:
        msg = f"{where}: got 'revision' with 'folder', expected it with 'hub' only; remove it."
        raise PlanError(msg)
    for key in ("n_params", "train_flop"):
        value = getattr(checkpoint, key)
        if value is not None and value <= 0:
            msg = f"{where}: key '{key}': got {value:g}, expected a number above 0."
            raise PlanError(msg)
    others = [each.name for each in plan.checkpoint if each.name != checkpoint.name]
    base = checkpoint.base_checkpoint
    if base is not None and base not in others:
        msg = (
            f"{where}: key 'base_checkpoint': got {base!r}{did_you_mean(base, others)}, expected "
            "the name of another checkpoint of the plan; add the base or remove the key."
        )
        raise PlanError(msg)


def _check_task(task: TaskPlan, plan: Plan, where: str) -> None:
    known = METRICS[task.scoring]
    for metric in task.metrics:
        one_of(metric, known, f"{where}: key 'metrics'", PlanError)
    _check_once(task.metrics, f"{where}: key 'metrics'")
    names = [each.name for each in plan.format]
    for name in task.formats:
        one_of(name, names, f"{where}: key 'formats'", PlanError)
    _check_once(task.formats, f"{where}: key 'formats'")
    if (task.scoring == "generate") != (task.answer is not None):
        msg = (
            f"{where}: got scoring '{task.scoring}' and answer {task.answer!r}, expected 'answer' "
            "where text is generated, and only there."
        )
        raise PlanError(msg)
    _check_task_numbers(task, where)
    for each in plan.format:
        wanted = not task.formats or each.name in task.formats
        lists = "{options}" in each.input and "{letter}" in each.option
        if wanted and task.shows_letters and not lists:
            msg = (
                f"{where}: got answers by letter in format '{each.name}', which shows no letters; "
                "add {options} to its 'input' and {letter} to its 'option', or name other formats "
                "in the task's 'formats'."
            )
            raise PlanError(msg)


def _check_task_numbers(task: TaskPlan, where: str) -> None:
    if task.n_items is not None:
        _check_at_least(task.n_items, 1, f"{where}: key 'n_items'")
    _check_at_least(task.max_new_tokens, 1, f"{where}: key 'max_new_tokens'")
    if "" in task.stops:
        msg = f"{where}: key 'stops': got an empty text, expected texts that end an answer."
        raise PlanError(msg)
    if task.chance is not None and not 0 <= task.chance <= 1:
        msg = f"{where}: key 'chance': got {task.chance:g}, expected a proportion in [0, 1]."
        raise PlanError(msg)
    if task.chance is None and not task.needs_options:
        msg = f"{where}: key 'chance' is missing; without options to guess from it must be given."
        raise PlanError(msg)


def _check_demonstrations(wanted: DemonstrationPlan, where: str) -> None:
    for key in ("shots", "kinds", "seeds"):
        values = getattr(wanted, key)
        if not values:
            msg = f"{where}: key '{key}': got an empty list, expected at least one."
            raise PlanError(msg)
        _check_once(values, f"{where}: key '{key}'")
    for n_shots in wanted.shots:
        _check_at_least(n_shots, 0, f"{where}: key 'shots'")
    if wanted.reserve is not None:
        _check_at_least(wanted.reserve, max(1, *wanted.shots), f"{where}: key 'reserve'")


def _check_prompt_formats(plan: Plan, where: str) -> None:
    """Raise where a format is named as another with demonstrations of some kind is."""
    for task in plan.task:
        cells = [condition.cell_names for condition in conditions(plan, task)]
        if len(set(cells)) < len(cells):
            twice = next(cell for cell in cells if cells.count(cell) > 1)
            msg = (
                f"{where}: task '{task.name}': got two cells named '{twice[0]}' with {twice[1]} "
                "demonstrations, expected names that no kind of demonstrations makes; rename the "
                "format."
            )
            raise PlanError(msg)


def _check_once(values: Sequence[object], where: str) -> None:
    if len(set(values)) < len(values):
        msg = f"{where}: got a value twice in {list(values)}, expected each once; remove one."
        raise PlanError(msg)


def _check_at_least(value: int, least: int, where: str) -> None:
    if value < least:
        msg = f"{where}: got {value}, expected a whole number, {least} or more."
        raise PlanError(msg)
