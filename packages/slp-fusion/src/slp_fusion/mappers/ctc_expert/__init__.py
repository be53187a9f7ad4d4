"""An expert of one kind of signing, which learns to read a column by CTC."""
