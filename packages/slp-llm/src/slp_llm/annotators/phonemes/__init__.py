"""Phonemes of English sentences."""
