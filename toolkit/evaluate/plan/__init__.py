"""A plan: which checkpoints, on which tasks, put in which ways."""
