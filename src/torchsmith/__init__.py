"""From data to a trained, measured, explained PyTorch network."""
