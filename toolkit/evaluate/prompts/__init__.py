"""From items to texts, tokens and requests."""
