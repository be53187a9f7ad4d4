"""Windows of frames through V-JEPA 2."""
