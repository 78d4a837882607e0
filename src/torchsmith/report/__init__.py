"""The report: one self-contained HTML file that says what came out and why."""
