"""Objectives that bring signs and text together."""
