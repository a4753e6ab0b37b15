"""Room 2: where sqlglot reads otherwise than Spark: in the tokens, in the grammar, and in the tree."""
