"""Nothing is lost: what was promised of runs, measured."""
