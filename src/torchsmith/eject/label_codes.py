"""How the labels of pictures become the codes of classes."""

import numpy as np

from torchsmith.eject.code import literal
from torchsmith.eject.subject import Subject


def label_lines(subject: Subject, labels: np.ndarray, name: str) -> list[str]:
    """Return the statements that turn labels as they are stored into targets.

    Args:
        subject: The run.
        labels: `(N,)` or `(N, K)`, as the source holds them.
        name: The variable that holds them.
    """
    source = name
    if labels.ndim == 2 and labels.shape[1] > 1:
        labels, source = labels.argmax(axis=1), f"{name}.argmax(axis=1)"
    elif labels.ndim == 2:
        labels, source = labels[:, 0], f"{name}[:, 0]"
    if not subject.classes:
        return [f"targets = {source}.astype(np.float64)"]
    texts = subject.target.texts()
    codes = dict(zip(labels.tolist(), map(subject.classes.index, texts), strict=True))
    if all(label == code for label, code in codes.items()):
        return [f"targets = {source}.astype(np.int64)"]
    if labels.dtype.kind in "US":
        decoded = []
        if labels.dtype.kind == "S":
            decoded = [f'names = np.char.decode({source}, "utf-8")']
            source = "names"
        made = f"[CLASSES.index(label) for label in {source}.tolist()]"
        return [*decoded, f"targets = np.array({made})"]
    return [
        literal(dict(sorted(codes.items())), 1, "codes = "),
        f"targets = np.array([codes[label] for label in {source}.tolist()])",
    ]
