"""Room 3: one SELECT, clause by clause: its items, WHERE, GROUP BY, HAVING, ORDER BY and LIMIT.

An aggregate becomes a node below the items, with a column for each call: `extraction` splits the expressions there.
"""
