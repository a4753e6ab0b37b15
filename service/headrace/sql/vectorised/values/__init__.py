"""Room 2: Arrow functions made of functions of single values, for what DuckDB has no words for."""
