"""Room 2: Spark SQL text to a sqlglot tree, and the tables that say how each Spark function runs on DuckDB.

Takes SQL text; gives trees, function definitions and DuckDB text; knows no catalogs, no plans and no data.
"""
