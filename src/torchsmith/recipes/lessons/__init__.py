"""Plain PyTorch programs, each to be read from top to bottom."""
