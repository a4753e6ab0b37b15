"""Room 2: Spark SQL text to a sqlglot tree, and the tables that say how each Spark function runs on DuckDB.

Takes SQL text; gives trees, function definitions and DuckDB text; knows no catalogs, no plans and no data.

- Reading: `parse` is the way in, over `dialect` and `grammar` (where sqlglot and Spark read differently).
- Types: `coercion` (which types go together), `cast` (one to the other, as DuckDB text).
- Tables: `functions` and `aggregates`; `function` and `aggregate` say what an entry is. Texts of times that they share
  are in `datetime_text` and `interval`.
- Running: `session` (the connection), `vectorised` (Arrow functions that DuckDB lacks), `runtime_errors` (Spark's words
  for what fails). `settings` are what all of them depend on.
"""
