"""Several streams as one sequence."""
