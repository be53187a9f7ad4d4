"""Strided convolutions with gated linear units: fewer steps."""
