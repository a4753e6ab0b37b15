"""Room 2: the sketches of Apache DataSketches, by way of Arrow functions over their bytes."""
