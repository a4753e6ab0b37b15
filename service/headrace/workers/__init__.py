"""Workers: the processes in which Python code of a pipeline file runs.

A query that names code has one process of its own. `worker.py` is the service's end of it, `serving.py` the other one;
what crosses is JSON and Arrow, by `wire.py`. Everything else here is what is done with the code, in either process.
"""
