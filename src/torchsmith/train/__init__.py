"""Training: the loop, its state, checkpoints, and what watches it."""
