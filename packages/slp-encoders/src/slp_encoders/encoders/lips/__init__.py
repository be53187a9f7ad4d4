"""Mouths through a vision transformer and convolutions over time."""
