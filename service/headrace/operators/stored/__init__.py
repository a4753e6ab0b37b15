"""Room 7: what a query keeps, for others to read: what there is, and its rows as SQL sees them.

Takes the steps of a query and later its checkpoint folder; gives descriptions that stand in the checkpoint, and Arrow
tables. Nothing here writes state, and the lock of a running query is not taken.
"""
