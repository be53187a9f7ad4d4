"""Which text belongs to which clip."""
