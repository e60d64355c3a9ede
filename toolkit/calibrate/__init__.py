"""The whole procedure on simulated studies: what it says of known truths."""
