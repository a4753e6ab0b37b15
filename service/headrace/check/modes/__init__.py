"""Room 4: rules about output modes."""
