"""Room 3: queries inside expressions and LATERAL ones, which may read the row around them."""
