"""Characters to words: SignLLM's codebook reconstruction and alignment."""
