"""Whether the doctor finds what hurts, and leaves alone what is healthy."""
