"""A multi-layer perceptron a step."""
