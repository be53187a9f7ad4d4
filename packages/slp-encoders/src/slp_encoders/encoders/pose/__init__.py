"""Poses as they are."""
