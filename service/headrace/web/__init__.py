"""After the rooms: the read-only HTTP face of a process: status page, JSON, metrics, probes.

Takes a StatusView that the engine implements and a metrics registry; changes nothing. Imported only when asked for.
"""
