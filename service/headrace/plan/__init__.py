"""Room 3: a parsed tree and the schemas of its inputs to a typed logical plan.

Gives `Plan` nodes (frozen, each with columns of Spark type and unique id); knows nothing of batches, DuckDB or brokers.

- `bind` is the analyzer, from the tree and the `catalog` to a plan; `rewrite` are the rules that run over it, by
  what `facts` know of rows and expressions.
- A plan is `nodes` that hold `expressions`, with columns by `ids`; `text` writes it down, `transform` and `rebuild`
  change it, `conditions` takes apart what AND joins. `event_time` says which columns carry a watermark, `time_range`
  what a join's condition says of their times.
- `constant` computes what needs no row; `group_code` is Python code that keeps state, as far as a plan knows it.
"""
