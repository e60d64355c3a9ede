"""The demo folder: items, plan, an invented paper, settings of the analysis, and the truth."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from toolkit import paths
from toolkit.ladder.checkpoints import Trained
from toolkit.ladder.recipe import Recipe
from toolkit.ladder.study_texts import claims_toml, study_toml
from toolkit.ladder.tasks import N_SHOTS, ChoiceItem, LadderTask
from toolkit.strict_toml import toml_lines

STUDY, CHECKPOINTS, TASKS, PLAN = "ladder", "checkpoints", "tasks", "plan.toml"
FORMAT = "plain"
# Three orders of the demonstrations: small checkpoints mind the order.
SEEDS = [1, 2, 3]
LM_FAMILY = "ladder"
README = """\
# A ladder of tiny checkpoints whose truth is known

Made by `emergence demo ladder` (seed {seed}). In this folder:

    emergence evaluate {plan}
    emergence report {study} --profile quick

`emergence evaluate` measures every checkpoint without demonstrations and with {shots}, and writes
the scores to `{study}/`. `{study}/study.toml` and `{study}/claims.toml` are those of an invented
paper; it claims everything from {claimed} parameters on, whether or not anything happens there.

## What is true

All items have four options, so that guessing is right on one in four.

{truths}

What a checkpoint of some size has learnt is not known beforehand: it is what the scores are for.

## Checkpoints

Each size read the same documents in the same order: {steps} steps, and {tuning_steps} of tuning for
the chat ones. Tokens are those read so far, loss is that of the answers at the end of training, in
nats.

| checkpoint | width | parameters | tokens | loss |
|---|---|---|---|---|
{sizes}
"""


def write_demo(
    folder: Path, recipe: Recipe, trained: Sequence[Trained], tasks: Sequence[LadderTask]
) -> None:
    """Write everything of a demo but its checkpoints, which lie there already."""
    for task in tasks:
        paths.write_whole(folder / TASKS / f"{task.name}.jsonl", _lines(task.items))
        paths.write_whole(
            folder / TASKS / f"{task.name}-demonstrations.jsonl", _lines(task.demonstrations)
        )
    study = folder / STUDY
    sizes = sorted({each.n_params for each in trained})
    # The middle of the ladder, rounded up: as many sizes below it as above, or one fewer.
    claimed = sizes[len(sizes) // 2]
    paths.write_whole(study / "study.toml", study_toml(STUDY, trained[0].recipe_hash, recipe.seed))
    paths.write_whole(study / "claims.toml", claims_toml(tuple(tasks), claimed))
    settings = (paths.CHECKOUT / "reports" / "analysis.default.toml").read_text(encoding="utf-8")
    paths.write_whole(study / "analysis.toml", settings.replace('"closed"', f'"{FORMAT}"'))
    paths.write_whole(folder / "README.md", _readme(recipe, trained, tasks, claimed))
    # Last: a folder with a plan is a whole one.
    paths.write_whole(folder / PLAN, _plan(trained, tasks))


def _lines(items: Sequence[ChoiceItem]) -> str:
    return "".join(json.dumps(asdict(item)) + "\n" for item in items)


def _plan(trained: Sequence[Trained], tasks: Sequence[LadderTask]) -> str:
    """Return the plan: base checkpoints on plain prompts, tuned ones through the chat template."""
    parts = [
        toml_lines({"study": STUDY, "store": "store", "device": "cpu"}),
        "[demonstrations]\n" + toml_lines({"shots": [0, N_SHOTS], "seeds": SEEDS}),
    ]
    base_of = {each.width: each.name for each in trained if not each.tuned}
    for each in trained:
        checkpoint = {
            "name": each.name, "folder": f"{CHECKPOINTS}/{each.name}", "dtype": "float32",
            "lm_family": LM_FAMILY, "n_params": each.n_params, "train_flop": each.train_flop,
            "instruction_tuned": each.tuned,
        }  # fmt: skip
        if each.tuned:
            checkpoint |= {"base_checkpoint": base_of[each.width], "chat_template": True}
        parts.append("[[checkpoint]]\n" + toml_lines(checkpoint))
    for task in tasks:
        table = {
            "name": task.name, "path": f"{TASKS}/{task.name}.jsonl", "kind": "items",
            "scoring": "text", "demonstrations": f"{TASKS}/{task.name}-demonstrations.jsonl",
        }  # fmt: skip
        parts.append("[[task]]\n" + toml_lines(table))
    form = {"name": FORMAT, "input": "{input} ", "output": "{output}", "joiner": " "}
    parts.append("[[format]]\n" + toml_lines(form))
    return "\n".join(parts)


def _readme(
    recipe: Recipe, trained: Sequence[Trained], tasks: Sequence[LadderTask], claimed: int
) -> str:
    """Return the truth of every task, which the study's files don't tell, and what to run."""
    sizes = "\n".join(
        f"| {each.name} | {each.width} | {each.n_params:,} | {each.n_tokens:,} | {each.loss:.3f} |"
        for each in trained
    )
    truths = "\n".join(
        f"- **{task.name}** ({len(task.items)} items): {task.truth}" for task in tasks
    )
    return README.format(
        shots=N_SHOTS, truths=truths, claimed=f"{claimed:,}", sizes=sizes, seed=recipe.seed,
        study=STUDY, plan=PLAN, steps=recipe.steps, tuning_steps=recipe.tuning_steps,
    )  # fmt: skip
