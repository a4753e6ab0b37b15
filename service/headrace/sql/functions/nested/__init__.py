"""Room 2: the part of the function table for arrays, maps, structs, lambdas and generators."""

from __future__ import annotations

from headrace.sql.functions.nested import arrays, generators, keywords, lambdas, maps, orders, sequences, vectors

FUNCTIONS = {
    **arrays.FUNCTIONS,
    **lambdas.FUNCTIONS,
    **maps.FUNCTIONS,
    **vectors.FUNCTIONS,
    **orders.FUNCTIONS,
    **sequences.FUNCTIONS,
    **generators.FUNCTIONS,
    **keywords.FUNCTIONS,
}
"""Collections, by name."""
