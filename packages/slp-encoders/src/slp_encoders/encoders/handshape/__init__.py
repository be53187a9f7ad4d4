"""Hands as the ways between their joints."""
