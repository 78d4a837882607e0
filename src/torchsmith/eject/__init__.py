"""From a run to one readable script of plain PyTorch that gives the same weights."""
