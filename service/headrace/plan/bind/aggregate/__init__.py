"""Room 3: GROUP BY: from expressions with aggregate calls to an Aggregate node and plain expressions above it."""
