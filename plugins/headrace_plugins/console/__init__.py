"""Plugin console: prints each batch as Spark's console sink does."""

from headrace_plugins.console.show import show
from headrace_plugins.console.sink import PLUGIN, ConsoleSink

__all__ = ["PLUGIN", "ConsoleSink", "show"]
