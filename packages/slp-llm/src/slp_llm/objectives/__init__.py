"""Objectives of language modelling."""
