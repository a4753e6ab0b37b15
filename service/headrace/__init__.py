"""headrace: Spark Structured Streaming for Kafka without a JVM.

The rooms, in the order a value passes through them, are listed in docs/architecture.md. A room imports the ground floor
(errors, values, types, clock, contract) and rooms before it, never a later one.
"""

__version__ = "0.1.0"
