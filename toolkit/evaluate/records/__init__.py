"""From answers to item records."""
