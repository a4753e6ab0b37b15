"""Plugin rate: numbered rows at a steady pace, Spark's rate source, for demos and load tests."""

from headrace_plugins.rate.source import PLUGIN, RateSource, value_at_second

__all__ = ["PLUGIN", "RateSource", "value_at_second"]
