"""The router learns where signs and spelled names are."""
