"""What a model expects of scores, before and after it has seen them."""
