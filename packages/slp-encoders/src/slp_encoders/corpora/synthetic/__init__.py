"""The synthetic sign language."""
