"""The part of a script that looks at what the neighbours of a place have."""

from collections.abc import Sequence

from torchsmith.data.neighbours import NeighbourTargets
from torchsmith.data.tabular import TablePreparation
from torchsmith.eject.code import comment, function, literal


def neighbour_function(table: TablePreparation) -> str:
    """Return the function that averages values of neighbours, or an empty string."""
    if table.neighbours is None:
        return ""
    about = (
        "Return the mean values of the nearest training rows, for each count.\n"
        "No row is its own neighbour: it would see its own target."
    )
    body = [
        "north, east = np.deg2rad(latitude), np.deg2rad(longitude)",
        "around = np.cos(north)",
        "points = np.stack(\n"
        "    [around * np.cos(east), around * np.sin(east), np.sin(north)], axis=1\n"
        ")",
        "nearest = list(range(1, max(counts) + 2))",
        "rows = cKDTree(points[train]).query(points, nearest)[1]",
        "place = np.full(len(points), -1)",
        "place[train] = np.arange(len(train))",
        "own = rows == place[:, None]",
        "own[~own.any(axis=1), -1] = True  # one too many, where none is its own",
        "near = rows[~own].reshape(len(points), -1)",
        "return [values[train][near[:, :count]].mean(axis=1) for count in counts]",
    ]
    head = "neighbour_means(latitude, longitude, values, train, counts)"
    return function(head, about, body)


def neighbour_lines(
    table: TablePreparation, coordinates: Sequence[str], *, scaled: bool
) -> list[str]:
    """Return the statements that add what the neighbours have to the features.

    Args:
        table: As it was fitted.
        coordinates: The statements that make `latitude` and `longitude`, where no
            others made them before.
        scaled: Whether there is a function `scale`.
    """
    near = table.neighbours
    if near is None:
        return []
    counts = literal(tuple(near.neighbours))
    about = "What the nearest training rows have as their target says much of a place."
    lines = [comment(about, 1), *coordinates]
    item = "scale(means, train)" if scaled else "means"
    found = f"neighbour_means(latitude, longitude, VALUES, train, {counts})"
    if not near.classes:
        return [
            *lines,
            f"found = {found.replace('VALUES', 'targets')}",
            "for means in found:",
            f"    features.append({item})",
        ]
    return [
        *lines,
        "found = [",
        f"    {found.replace('VALUES', '(targets == place).astype(float)')}",
        f"    for place in {_places(near)}",
        "]",
        "for shares in zip(*found, strict=True):",
        "    for means in shares:",
        f"        features.append({item})",
    ]


def _places(near: NeighbourTargets) -> str:
    return literal(near.places) if len(near.places) == 1 else "range(len(CLASSES))"
