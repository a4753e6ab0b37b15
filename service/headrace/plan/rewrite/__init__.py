"""Room 3: those of Spark's optimizer rules that change streaming answers or costs, one a file."""
