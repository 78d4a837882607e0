"""The part of a script that looks at what the neighbours of a place have."""

from collections.abc import Sequence

from torchsmith.data.neighbours import NeighbourTargets
from torchsmith.data.tabular import TablePreparation
from torchsmith.eject.code import comment, function, joined, literal

_ON_SPHERE = '''\
def on_sphere(places):
    """Return points on a sphere of radius 1 of latitudes and longitudes in degrees."""
    north, east = np.deg2rad(places[:, 0]), np.deg2rad(places[:, 1])
    around = np.cos(north)
    return np.stack(
        [around * np.cos(east), around * np.sin(east), np.sin(north)], axis=1
    )'''


def neighbour_function(table: TablePreparation) -> str:
    """Return the function that averages values of neighbours, or an empty string."""
    if table.neighbours is None:
        return ""
    about = (
        "Return the mean values at the nearest training places, for each count.\n"
        "A row's own place is not among them: it would see its own target."
    )
    body = [
        "places = np.stack([latitude, longitude], axis=1)",
        "known, place_of, num_rows = np.unique(\n"
        "    places[train], axis=0, return_inverse=True, return_counts=True\n"
        ")",
        "means = np.bincount(place_of.ravel(), values[train]) / num_rows",
        "tree = cKDTree(on_sphere(known))",
        "nearest = list(range(1, max(counts) + 2))",
        "distances, near = tree.query(on_sphere(places), nearest)",
        "near = np.where(distances[:, :1] == 0, near[:, 1:], near[:, :-1])",
        "return [means[near[:, :count]].mean(axis=1) for count in counts]",
    ]
    head = "neighbour_means(latitude, longitude, values, train, counts)"
    return joined([_ON_SPHERE, function(head, about, body)])


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
    about = "What rows at the nearest places have as their target says much of a place."
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
