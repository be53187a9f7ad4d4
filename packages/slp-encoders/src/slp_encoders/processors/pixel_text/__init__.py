"""Text as pictures of its words."""
