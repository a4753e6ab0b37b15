"""Room 3: GROUP BY: from expressions with aggregate calls in them to an Aggregate node and plain expressions above it."""
