"""The last layer, with `headrace.cli` and `headrace.commands`: what the verbs of the command line share."""
