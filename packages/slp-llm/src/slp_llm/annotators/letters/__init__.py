"""The letters of a sentence's names."""
