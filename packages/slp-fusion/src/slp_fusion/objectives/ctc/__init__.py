"""A part learns to read a column off its steps."""
