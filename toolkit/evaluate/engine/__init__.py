"""A checkpoint that answers requests: exactly, and with no token run twice."""
