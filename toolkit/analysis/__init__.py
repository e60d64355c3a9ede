"""A study folder from its files to its verdicts, and studies side by side."""
