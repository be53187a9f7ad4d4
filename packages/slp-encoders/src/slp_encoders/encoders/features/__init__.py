"""Stored features as they are."""
