"""Room 4: rules about single operators."""
