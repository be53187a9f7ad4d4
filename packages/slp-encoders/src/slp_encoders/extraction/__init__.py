"""Encoding clips once: what a feature's key is, where features are kept, and how they are made."""
