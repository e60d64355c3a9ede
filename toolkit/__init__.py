"""Emergence Toolkit: says whether a claimed jump with scale remains after controls."""

__version__ = "0.1.0"
