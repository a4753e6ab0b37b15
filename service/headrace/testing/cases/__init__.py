"""Shipped: pipeline tests without a broker, in the format of tests/conformance/README.md.

Takes test files; runs each query on memory sources and a real state store; gives a verdict a file.
"""
