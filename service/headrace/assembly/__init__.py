"""Fitting shop between file and engine: a pipeline's query to compiled steps, and its parts to running objects.

Takes a `Pipeline`; gives a `CompiledQuery` (values only) and the built sources, tables and sinks; runs nothing.
"""
