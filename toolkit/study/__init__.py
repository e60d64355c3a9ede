"""A study as it was published: claims, scores, and the facts about its checkpoints."""
