"""A document of cells and words to a page: by Quarto, or by the embedded route."""
