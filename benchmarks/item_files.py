"""Files of many item records, as two harnesses and users write them, and their import.

Apart from the command, so that the process that imports holds nothing else.
"""

import csv
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.fresh import memory_mib
from toolkit.importing.flow import Request, import_study

CHECKPOINTS = tuple(f"EleutherAI/pythia-{size}" for size in ("70m", "160m", "410m", "1.4b"))
TASKS = ("colours", "sums", "words", "maps", "tunes")
METRICS = ("acc", "acc_norm")
N_OPTIONS = 4
# A question as long as those of common benchmarks.
QUESTION = "Which of these is the colour of the sky on a clear day in the north? " * 3
COLUMNS = [
    "checkpoint", "task", "metric", "prompt_format", "n_shots", "item", "correct", "n_options",
]  # fmt: skip


def lm_eval_files(folder: Path, n_records: int, seed: int) -> Path:
    """Return a folder of results and samples; each line of samples holds two item records."""
    rng = random.Random(seed)
    n_lines = n_records // (len(CHECKPOINTS) * len(TASKS) * len(METRICS))
    for number, checkpoint in enumerate(CHECKPOINTS):
        stamp = f"2026-01-0{number + 1}T00-00-00.000000"
        own = folder / checkpoint.replace("/", "__")
        own.mkdir(parents=True)
        results: dict[str, Any] = {}
        for task in TASKS:
            right = dict.fromkeys(METRICS, 0)
            with (own / f"samples_{task}_{stamp}.jsonl").open("w") as file:
                for at in range(n_lines):
                    line = _line(at, rng)
                    for metric in METRICS:
                        right[metric] += line[metric]
                    file.write(json.dumps(line) + "\n")
            results[task] = {f"{metric},none": n / n_lines for metric, n in right.items()}
        (own / f"results_{stamp}.json").write_text(json.dumps(_results(checkpoint, results)))
    return folder


def long_file(folder: Path, n_records: int, seed: int) -> Path:
    """Return a CSV file with a row per item record."""
    rng = random.Random(seed)
    path = folder / "items.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for checkpoint in CHECKPOINTS:
            for task in TASKS:
                for at in range(n_records // (len(CHECKPOINTS) * len(TASKS))):
                    right = int(rng.random() < 0.5)
                    rows.writerow(
                        [checkpoint, task, "acc", "closed", 0, f"q{at}", right, N_OPTIONS]
                    )
    return path


def inspect_files(folder: Path, n_records: int, seed: int) -> Path:
    """Return a folder of Inspect logs in JSON, one per checkpoint."""
    rng = random.Random(seed)
    n_samples = n_records // len(CHECKPOINTS)
    for number, checkpoint in enumerate(CHECKPOINTS):
        header = _inspect_header(checkpoint, n_samples, str(number))
        with (folder / f"{number}.json").open("w") as file:
            file.write(json.dumps(header)[:-1] + ', "samples": [')
            for at in range(n_samples):
                file.write((", " if at else "") + json.dumps(_inspect_sample(at, rng)))
            file.write("]}")
    return folder


MAKERS: dict[str, Callable[[Path, int, int], Path]] = {
    "lm-eval": lm_eval_files,
    "inspect": inspect_files,
    "long": long_file,
}


def measure(form: str, path: str, to: str) -> dict[str, Any]:
    """Return what importing a file costs in this process."""
    imported = memory_mib(peak=False)
    began, began_cpu = time.perf_counter(), time.process_time()
    done = import_study(Request(form, Path(path)), Path(to))
    return {
        "item_records": done.files[Path(to) / "items.parquet"],
        "file_mib": _size(Path(path)) / 2**20,
        "cpu_seconds": time.process_time() - began_cpu,
        "seconds": time.perf_counter() - began,
        "memory_of_imports_mib": imported,
        "peak_memory_mib": memory_mib(peak=True),
    }


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in _files(path))


def _files(path: Path) -> Iterator[Path]:
    return (p for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file())


def _line(at: int, rng: random.Random) -> dict[str, Any]:
    values = [-10 * rng.random() for _ in range(N_OPTIONS)]
    gold = rng.randrange(N_OPTIONS)
    pairs = [[repr(value), "False"] for value in values]
    texts = [f" option {option}" for option in range(N_OPTIONS)]
    return {
        "doc_id": at,
        "doc": {"question": QUESTION, "choices": texts, "gold": gold},
        "target": str(gold),
        "arguments": {
            f"gen_args_{i}": {"arg_0": QUESTION, "arg_1": text} for i, text in enumerate(texts)
        },
        "resps": [[pair] for pair in pairs],
        "filtered_resps": pairs,
        "filter": "none",
        "metrics": list(METRICS),
        "acc": float(max(values) == values[gold]),
        "acc_norm": float(rng.random() < 0.5),
    }


def _results(checkpoint: str, results: dict[str, Any]) -> dict[str, Any]:
    config = {"output_type": "multiple_choice", "num_fewshot": 0}
    return {
        "results": results,
        "configs": {task: {"task": task, **config} for task in results},
        "n-shot": dict.fromkeys(results, 0),
        "config": {"model_args": f"pretrained={checkpoint}"},
        "lm_eval_version": "0.4.9",
        "model_name": checkpoint,
    }


def _inspect_header(checkpoint: str, n_samples: int, run: str) -> dict[str, Any]:
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "run_id": run,
            "task": TASKS[0],
            "task_args": {"num_fewshot": 0},
            "model": f"hf/{checkpoint}",
        },
        "plan": {"steps": [{"solver": "multiple_choice", "params": {}}]},
        "results": {"total_samples": n_samples, "completed_samples": n_samples, "scores": []},
    }


def _inspect_sample(at: int, rng: random.Random) -> dict[str, Any]:
    return {
        "id": at,
        "epoch": 1,
        "input": QUESTION,
        "choices": [f"option {option}" for option in range(N_OPTIONS)],
        "target": "A",
        "messages": [{"role": "user", "content": QUESTION}],
        "scores": {"choice": {"value": "C" if rng.random() < 0.5 else "I", "answer": "A"}},
    }
