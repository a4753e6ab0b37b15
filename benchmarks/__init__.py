"""Benchmarks: how fast, how soon and how small headrace is, beside other systems, on a real Kafka of this machine."""
