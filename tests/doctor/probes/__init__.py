"""Tests of the probing steps."""
