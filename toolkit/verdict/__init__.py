"""From numbers, checks and designs to one of four verdicts with its reasons."""
