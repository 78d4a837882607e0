"""What every other package stands on: errors, records, seeds, files, the run folder."""
