"""Letters of one-handed fingerspelling alphabets."""
