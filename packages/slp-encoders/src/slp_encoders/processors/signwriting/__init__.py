"""SignWriting as pictures of its signs."""
