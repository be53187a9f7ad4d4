"""Codes that tell what comes next."""
