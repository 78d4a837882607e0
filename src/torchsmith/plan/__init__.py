"""The plan: every choice that changes the result, in one file that a person reads."""
