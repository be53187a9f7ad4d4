"""Pseudo-glosses of sentences."""
