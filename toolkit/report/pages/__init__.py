"""What the cells of each page show."""
