"""A ladder of tiny checkpoints, trained on tasks whose truth is known: a demo of measuring."""
