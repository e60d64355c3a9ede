"""What others call emergence, on the same scores: their definitions, and every metric."""
