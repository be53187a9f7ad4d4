"""A text read off the steps one after the other, without a language model."""
