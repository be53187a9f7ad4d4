"""One part learns what another gives."""
