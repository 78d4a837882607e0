"""Metrics: pure functions from targets and outputs to a number, and their intervals."""
