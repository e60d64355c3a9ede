"""The command ``emergence``: one module per group of commands, no logic."""

from toolkit.cli.app import main

__all__ = ["main"]
