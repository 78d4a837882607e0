"""Networks as readable `nn.Module`s, and builders from specs to torch objects."""
