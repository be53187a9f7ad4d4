"""Photos of hands that show a digit."""
