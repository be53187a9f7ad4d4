"""What this package shows in the report of a run."""
