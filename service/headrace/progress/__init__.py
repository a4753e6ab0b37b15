"""Room 10: what a batch did, told four ways: Spark's JSON, one log line, Prometheus metrics, a live table.

Takes facts the engine measured; gives text and numbers. Knows nothing of SQL, brokers or files.
"""
