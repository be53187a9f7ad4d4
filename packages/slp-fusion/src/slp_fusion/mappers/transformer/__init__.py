"""A Transformer over the steps of a sequence."""
