"""Plugins files: parquet, json and csv files, as a sink that is exactly once and as static tables."""
