"""Room 2: what sqlglot reads and Spark does not, in the tokens and in the tree."""
