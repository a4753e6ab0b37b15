"""Room 7: Python code that keeps state per key: grouping, calls, and what is stored of them.

A loop over keys is the user's own; everything around it is done once a batch.
"""
