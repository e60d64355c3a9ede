"""Emergence Toolkit: does a claimed jump with scale remain after controls?"""

__version__ = "0.1.0"
