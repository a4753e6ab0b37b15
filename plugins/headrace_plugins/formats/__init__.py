"""Plugins formats: bytes to columns and back, one module a format; they take and give Arrow only."""
