"""Published results into our own table, one file per source."""

from toolkit.sources import lu2024

SOURCES = {"lu2024": lu2024}
