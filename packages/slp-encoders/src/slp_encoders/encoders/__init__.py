"""From signals to sequences of vectors."""
