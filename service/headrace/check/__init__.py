"""Room 4: what Structured Streaming refuses.

Takes an analyzed plan, before any rewriting, and the output mode; gives nothing, or every refusal at once. How anything
runs is not known here.
"""
