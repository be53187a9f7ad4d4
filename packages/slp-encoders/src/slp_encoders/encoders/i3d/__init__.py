"""Windows of frames through the Inception I3D."""
