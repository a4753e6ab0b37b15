"""Batch SQL: SQL over what is there in whole: inline rows, static tables of a pipeline file, and files.

Takes statements of the same dialect as the queries of a pipeline; gives their rows, once, in order; nothing streams
here and nothing is written.
"""
