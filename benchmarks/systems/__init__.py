"""Benchmarks: the systems that are compared; each gives `System`, none knows of another."""
