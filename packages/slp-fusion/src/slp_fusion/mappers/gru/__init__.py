"""A recurrent mapper."""
