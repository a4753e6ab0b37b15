"""Room 3: what the analyzer refuses by Spark's name, whichever clause it stands in."""
