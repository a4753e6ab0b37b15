"""Plugins room: the sources, sinks, tables and formats that ship with headrace, reached through entry points alone.

Each takes parsed options and a context of `headrace.contract` and gives the running part; none knows of another.
"""
