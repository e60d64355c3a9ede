"""A claim's card: its pictures, its numbers, and what folds out below."""
