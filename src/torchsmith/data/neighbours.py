"""What the training rows nearest to a place have as their target.

Whoever looks at a row's own target learns to copy it, and nothing of what is to come:
a training row is therefore never its own neighbour.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.core.record import Record
from torchsmith.data.scaling import Scaling
from torchsmith.data.steps import NeighbourTarget


class NeighbourTargets(Record):
    """Where the training rows are, and what their targets are.

    Attributes:
        latitude, longitude: The columns, in degrees.
        neighbours: How many are averaged, one entry for each group of features.
        latitudes, longitudes: Of the training rows, in their order.
        targets: Of the training rows: numbers, or the places of their classes.
        classes: The shares of these classes are features; empty for numbers.
        places: Of `classes` among all of them.
        scalings: One for each feature.
    """

    latitude: str
    longitude: str
    neighbours: tuple[int, ...]
    latitudes: tuple[float, ...]
    longitudes: tuple[float, ...]
    targets: tuple[float, ...]
    classes: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    scalings: tuple[Scaling, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the features are called."""
        whats = [f"share of '{name}'" for name in self.classes] or ["mean target"]
        return tuple(
            f"{what} of the {count} nearest"
            for count in self.neighbours
            for what in whats
        )

    def features(
        self, raw: Mapping[str, np.ndarray], *, is_training: bool
    ) -> list[np.ndarray]:
        """Return the scaled features of filled `(N,)` values by column.

        Args:
            raw: Among them latitudes and longitudes.
            is_training: Whether these are the training rows, in their order.
        """
        found = self.means(raw, is_training=is_training)
        pairs = zip(self.scalings, found, strict=True)
        return [scaling.apply(values) for scaling, values in pairs]

    def means(
        self, raw: Mapping[str, np.ndarray], *, is_training: bool
    ) -> list[np.ndarray]:
        """Return the features of `features` before they are scaled."""
        points = unit_vectors(raw[self.latitude], raw[self.longitude])
        known = unit_vectors(np.array(self.latitudes), np.array(self.longitudes))
        near = nearest_rows(
            known, points, max(self.neighbours), are_the_same=is_training
        )
        targets = np.array(self.targets)
        columns = [targets == place for place in self.places] or [targets]
        return [
            column[near[:, :count]].mean(axis=1)
            for count in self.neighbours
            for column in columns
        ]


def unit_vectors(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Return `(N, 3)` points on a sphere of radius 1 of `(N,)` degrees.

    The nearer they are in space, the nearer they are on the ground, at the poles and
    across the date line, too.
    """
    north, east = np.deg2rad(latitude), np.deg2rad(longitude)
    around = np.cos(north)
    return np.stack(
        [around * np.cos(east), around * np.sin(east), np.sin(north)], axis=1
    )


def nearest_rows(
    known: np.ndarray, points: np.ndarray, count: int, *, are_the_same: bool
) -> np.ndarray:
    """Return `(N, count)` rows of `known`, the nearest to each point first.

    Args:
        known: `(M, 3)`.
        points: `(N, 3)`.
        count: Fewer than M.
        are_the_same: Whether point i is row i of `known`, which is then left out.
    """
    from scipy.spatial import cKDTree

    # One more than asked for, also where none is left out: with another number, others
    # may come of those that are equally near.
    rows = cKDTree(known).query(points, [*range(1, count + 2)])[1]
    if not are_the_same:
        return np.asarray(rows[:, :count])
    own = rows == np.arange(len(rows))[:, None]
    # Where more rows than are asked for share one place, the row itself may not come.
    own[~own.any(axis=1), -1] = True
    return np.asarray(rows[~own].reshape(len(rows), count))


def fit_neighbours(
    step: NeighbourTarget,
    places: tuple[np.ndarray, np.ndarray],
    targets: np.ndarray,
    classes: Sequence[str],
) -> NeighbourTargets:
    """Remember where the training rows are, and their targets; nothing is scaled yet.

    Args:
        step: Of the plan.
        places: Latitudes and longitudes `(N,)` of the training rows, in degrees.
        targets: `(N,)` numbers, or places of classes.
        classes: All of them; empty for numbers.

    Raises:
        PlanError: There are not more training rows than neighbours.
    """
    most = max(step.neighbours)
    if most >= len(targets):
        raise PlanError(
            f"prepare: NeighbourTarget.neighbours: {most} neighbours need more than "
            f"{most} training rows, and there are {len(targets)}; use fewer"
        )
    # The share of the first of two classes says nothing more.
    shown = range(1, 2) if len(classes) == 2 else range(len(classes))
    return NeighbourTargets(
        latitude=step.latitude,
        longitude=step.longitude,
        neighbours=step.neighbours,
        latitudes=tuple(places[0].tolist()),
        longitudes=tuple(places[1].tolist()),
        targets=tuple(np.asarray(targets, np.float64).tolist()),
        classes=tuple(classes[place] for place in shown),
        places=tuple(shown),
    )
