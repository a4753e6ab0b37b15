"""The corridor: the loop that plans batches, runs them through the rooms and survives a crash between any two steps.

Takes a compiled query and opened parts; gives progress values. `batch.py` is the protocol, `recovery.py` the decision.
"""
