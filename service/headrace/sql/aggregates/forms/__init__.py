"""Room 2: what aggregates are made of: forms, constants, order, tallies, and the wrapper for DISTINCT."""
