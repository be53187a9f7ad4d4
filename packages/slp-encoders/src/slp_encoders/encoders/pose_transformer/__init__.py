"""A small trainable Transformer over steps."""
