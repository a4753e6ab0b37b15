"""The last layer, with `headrace.cli`: the verbs of the command line, one a file, each loaded only when it is typed."""
