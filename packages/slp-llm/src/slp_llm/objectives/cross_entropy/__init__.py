"""The likelihood of the reference text."""
