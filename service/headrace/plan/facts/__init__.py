"""Room 3: what is known of rows and expressions: conditions that hold, what NULL makes, what may be evaluated twice."""
