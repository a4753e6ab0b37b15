"""Plugins room: Apache Kafka as a source and a sink, on librdkafka.

`source.PLUGIN` and `sink.PLUGIN` are found by entry points; the other modules take plain values and are tested alone.
"""
