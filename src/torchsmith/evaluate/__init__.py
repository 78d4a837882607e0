"""Evaluation: scores with intervals, beside simple rivals, and what went wrong."""
