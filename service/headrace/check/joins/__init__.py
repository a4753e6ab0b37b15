"""Room 4: rules about joins."""
