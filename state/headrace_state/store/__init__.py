"""State room: the stores of one query's tables; see contract for what they promise."""
