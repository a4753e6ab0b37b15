"""Room 3: the relations of a query: FROM, joins, generators and set operations."""
