"""Streams one after another in time, or side by side in width."""
