"""Benchmark items: read, checked, and those that serve as demonstrations."""
