"""Signs distributed as text is."""
