"""Windows of frames through VideoMAE."""
