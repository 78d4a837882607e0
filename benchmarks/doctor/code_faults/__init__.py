"""Faults of code, seeded in programs written as a person writes them.

`faults.diff` changes some lines of a healthy program in `programs/`, one fault at a
time; the program as it is is the healthy twin. Each is run through `ts.fit` and as a
script that the doctor watches, and counts where it demonstrably hurts.
"""
