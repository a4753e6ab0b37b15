"""Benchmarks: queries with much state, killed and started again, beside Spark."""
