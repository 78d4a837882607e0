"""What is inside: graphs, layers, weights, activations, and what mattered."""
