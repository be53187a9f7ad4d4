"""SpaMo's sign adapter: fewer steps by convolution, then a multi-layer perceptron."""
