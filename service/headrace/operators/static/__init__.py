"""Room 7, static sides: what is made of a table once, when it is loaded, and read in every batch."""
