"""Room 7: steps and a batch's rows to the batch's result, with state changes staged and nothing published.

Takes Arrow tables and a view of state at version n; gives Arrow tables and the changes to version n+1. Knows nothing of
Kafka, files or YAML.
"""
