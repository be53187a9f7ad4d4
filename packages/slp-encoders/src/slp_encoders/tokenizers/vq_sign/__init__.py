"""Codes for signs, as characters are for words."""
