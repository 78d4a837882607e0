"""What a default plan reaches on real data, beside rivals on the same splits."""
