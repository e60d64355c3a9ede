"""The measuring wing: checkpoints on tasks, to item records and a table of scores."""
