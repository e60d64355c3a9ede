"""Run a function in a process of its own, with no memory and no compiled code from before."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.paths import CHECKOUT

CHILD = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
module, name, arguments = sys.argv[1:]
result = getattr(importlib.import_module(module), name)(**json.loads(arguments))
sys.stdout.write("\\n" + json.dumps(result))
"""
MEBI = 1024.0


def in_fresh_process(
    module: str, function: str, arguments: Mapping[str, Any], compiled: Path
) -> Any:
    """Return what a function returns in a new process, as plain data.

    ``compiled`` is the folder of functions that PyTensor keeps compiled: an empty one is what a
    fresh clone has.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILD, module, function, json.dumps(arguments)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={compiled}"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def memory_mib(peak: bool) -> float:
    """Return the memory of this process now, or its largest so far, in MiB (Linux).

    Not ``getrusage``: its largest value includes that of the process which started this one.
    """
    name = "VmHWM" if peak else "VmRSS"
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    return int(found[1]) / MEBI if found else float("nan")
