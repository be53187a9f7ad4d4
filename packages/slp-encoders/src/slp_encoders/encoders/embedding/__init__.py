"""A vector for each token id."""
