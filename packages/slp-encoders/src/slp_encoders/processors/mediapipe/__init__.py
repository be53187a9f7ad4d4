"""Poses from films, by MediaPipe Holistic."""
