"""Room 4: rules of Python code that keeps state per key."""
