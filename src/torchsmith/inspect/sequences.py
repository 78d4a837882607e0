"""Facts and findings about sequences."""

import numpy as np

from torchsmith.data.data import Sequences
from torchsmith.inspect.inspection import SequenceFacts


def describe_sequences(sequences: Sequences) -> SequenceFacts:
    """Return facts about sequences."""
    lengths = sequences.lengths
    facts = SequenceFacts(
        channels=sequences.channels,
        min_length=int(lengths.min()),
        median_length=int(np.median(lengths)),
        max_length=int(lengths.max()),
        symbols=len(sequences.symbols),
    )
    if sequences.symbols:
        return facts
    values = sequences.values.astype(np.float64)
    return facts.model_copy(
        update={
            "low": tuple(np.nanmin(values, axis=0).tolist()),
            "high": tuple(np.nanmax(values, axis=0).tolist()),
            "mean": tuple(np.nanmean(values, axis=0).tolist()),
            "deviation": tuple(np.nanstd(values, axis=0).tolist()),
            "missing": int(np.isnan(values).sum()),
        }
    )
