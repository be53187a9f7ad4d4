"""Stored feature sequences: `.npy` and `.safetensors`."""
