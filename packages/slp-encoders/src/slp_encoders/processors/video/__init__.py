"""Video files, decoded frame by frame."""
