"""Room 6: sources and static tables as the plan sees them: decoded, malformed records set aside, refreshed.

Takes offsets, gives Arrow tables; knows nothing of SQL, state or sinks but the one for dead letters.
"""
