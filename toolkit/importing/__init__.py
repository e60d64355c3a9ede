"""From counted items to the tables of a study folder, and what is said of an import."""
