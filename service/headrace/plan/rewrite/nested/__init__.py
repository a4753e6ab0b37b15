"""Room 3: rules about queries inside expressions."""
