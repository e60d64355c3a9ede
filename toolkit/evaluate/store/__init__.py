"""Answers and prompts that are kept as they come, so that a killed run goes on."""
