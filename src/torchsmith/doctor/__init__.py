"""What is wrong, how it shows, what to do.

Before training `examine` looks at data, plan and a few probing steps on a copy; during
training `watch` samples signals; after it `judge` looks at the course and the result.
All give findings with codes of the `catalogue`; `rank` puts the likely cause first.
"""
