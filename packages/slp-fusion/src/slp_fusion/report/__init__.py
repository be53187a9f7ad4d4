"""What this package adds to a run's report: a module a section."""
