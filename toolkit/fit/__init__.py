"""From a table of scores to draws that were checked."""
