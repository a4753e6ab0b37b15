"""Room 3: from one expression of the sqlglot tree to one typed expression."""
