"""Room 2: XML texts, read record by record: into values of a schema, and into a schema."""
