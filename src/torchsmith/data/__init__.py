"""Data: read from many sources, split, and prepared on the training part only."""
