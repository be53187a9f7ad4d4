"""Encoder-decoder language models that read vectors."""
