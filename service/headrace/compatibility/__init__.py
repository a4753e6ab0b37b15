"""Beside the last layer: what headrace claims of Spark's features, and which test proves each claim.

The claims are the YAML files beside this one; the pages docs/compatibility.md and docs/reference/functions.md are
written from them and from the tables of functions.
"""
