"""Room 1: what the models of a pipeline file share, and those of its sources."""
