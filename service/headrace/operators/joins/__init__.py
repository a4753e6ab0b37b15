"""Room 7: what a join of two streams remembers: rows packed by key, and when they are to be forgotten."""
