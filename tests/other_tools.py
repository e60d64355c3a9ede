"""Tools that have an environment of their own, since they want other versions than the toolkit."""

import os
import subprocess
import sys

import pytest


def python_with(module: str) -> str:
    """Return the interpreter that can import a tool's module; skip the test where none can."""
    python = os.environ.get("TOOLS_PYTHON", sys.executable)
    probe = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
    if probe.returncode:
        why = "Every Eval Ever from Python 3.12 on"
        pytest.skip(f"{module} is not installed: 'make test' installs it, {why}")
    return python
