"""A whole clip as one step."""
