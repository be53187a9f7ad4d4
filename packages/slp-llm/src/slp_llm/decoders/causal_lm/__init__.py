"""Causal language models that read vectors within their prompt."""
