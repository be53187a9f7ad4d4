"""What films of signing look like, in words, and as numbers to learn them from."""
