"""From sequences to codes."""
