"""What encoders and tokenizers are trained on."""
