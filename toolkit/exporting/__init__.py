"""A study written in the formats of others."""
