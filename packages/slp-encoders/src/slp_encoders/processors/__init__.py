"""Readers of signals: from a file (or a text) to numbers. Free of torch."""
