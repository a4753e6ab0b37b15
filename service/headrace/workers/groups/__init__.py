"""Workers: calls of stateful functions and processors: the loop over keys, and what they keep state with.

Takes Arrow tables of keys, rows and stored state; gives Arrow tables of what the code gave and changed. What is stored,
and where, is room 7's.
"""
