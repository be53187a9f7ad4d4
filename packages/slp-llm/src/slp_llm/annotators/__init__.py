"""Annotators: columns made of other columns."""
