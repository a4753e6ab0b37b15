"""Room 3: a parsed tree and the schemas of its inputs to a typed logical plan.

Gives `Plan` nodes (frozen, each with columns of Spark type and unique id); knows nothing of batches, DuckDB or brokers.
"""
