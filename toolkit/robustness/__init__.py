"""Does the answer hold? Every fit besides the main one, as tables."""
