"""Inspection: what the data is, and what a careful person would notice about it."""
