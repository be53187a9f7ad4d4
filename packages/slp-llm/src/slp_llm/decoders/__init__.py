"""Decoders: from a sequence to text."""
