"""Room 3: calls of functions: by their names, with their arguments and what stands around them, and before OVER."""
