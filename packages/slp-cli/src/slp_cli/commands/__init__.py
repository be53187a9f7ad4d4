"""One module per command. Heavy imports stand inside the callbacks."""
