"""Signs to glosses, glosses to text."""
