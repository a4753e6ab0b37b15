"""Room 5: a logical plan to steps: stateless stretches as one DuckDB statement each, the rest as operator specs.

Takes a checked, optimized plan and the output mode; gives `Steps`; knows nothing of offsets, brokers or files.
"""
