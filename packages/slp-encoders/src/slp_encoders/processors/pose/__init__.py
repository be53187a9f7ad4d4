"""Pose sequences of `.pose` files."""
