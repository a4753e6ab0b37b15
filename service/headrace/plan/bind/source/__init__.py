"""Room 3: the relations of a query: FROM, joins, generators, PIVOT, samples and set operations."""
