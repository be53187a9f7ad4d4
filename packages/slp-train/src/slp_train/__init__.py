"""Stages, metrics, evaluation and reports. Importing this imports nothing heavy."""
