"""Plugin memory: a source fed by code and a sink read by code, for tests and notebooks; both outlive a query."""

from headrace_plugins.memory.sink import SINK, MemorySink, MemoryTable, clear_tables, memory_table
from headrace_plugins.memory.source import SOURCE, MemorySource, MemoryStream, clear_streams, memory_stream

__all__ = [
    "SINK",
    "SOURCE",
    "MemorySink",
    "MemorySource",
    "MemoryStream",
    "MemoryTable",
    "clear_streams",
    "clear_tables",
    "memory_stream",
    "memory_table",
]
