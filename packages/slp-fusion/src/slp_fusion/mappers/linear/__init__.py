"""One linear layer a step."""
