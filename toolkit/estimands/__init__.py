"""From draws to the numbers that a claim speaks of, on the accuracy scale."""
