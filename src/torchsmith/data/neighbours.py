"""What the training rows at the nearest other places have as their target.

Whoever looks at a row's own target learns to copy it, and nothing of what is to come.
To leave out the row alone is not enough where several rows share a place: what is left
then tells its target backwards. So a row never looks at its own place, in training or
later.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.core.record import Record
from torchsmith.data.scaling import Scaling
from torchsmith.data.steps import NeighbourTarget


class NeighbourTargets(Record):
    """The places of the training rows, and what their targets are.

    Attributes:
        latitude, longitude: The columns, in degrees.
        neighbours: How many places are averaged, one entry for each group of features.
        latitudes, longitudes: Of the P distinct places of the training rows.
        means: P values each: the mean target at each place, or for each of `classes`
            its share of the rows there.
        classes: The shares of these classes are features; empty for numbers.
        places: Of `classes` among all of them.
        scalings: One for each feature.
    """

    latitude: str
    longitude: str
    neighbours: tuple[int, ...]
    latitudes: tuple[float, ...]
    longitudes: tuple[float, ...]
    means: tuple[tuple[float, ...], ...]
    classes: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    scalings: tuple[Scaling, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the features are called."""
        whats = [f"share of '{name}'" for name in self.classes] or ["mean target"]
        return tuple(
            f"{what} at the {count} nearest places"
            for count in self.neighbours
            for what in whats
        )

    def features(self, raw: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the scaled features of filled `(N,)` values by column.

        Args:
            raw: Among them latitudes and longitudes.
        """
        pairs = zip(self.scalings, self.means_near(raw), strict=True)
        return [scaling.apply(values) for scaling, values in pairs]

    def means_near(self, raw: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the features of `features` before they are scaled."""
        points = unit_vectors(raw[self.latitude], raw[self.longitude])
        known = unit_vectors(np.array(self.latitudes), np.array(self.longitudes))
        near = nearest_others(known, points, max(self.neighbours))
        return [
            np.array(column)[near[:, :count]].mean(axis=1)
            for count in self.neighbours
            for column in self.means
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


def nearest_others(known: np.ndarray, points: np.ndarray, count: int) -> np.ndarray:
    """Return `(N, count)` rows of `known`, the nearest first, without a point itself.

    Args:
        known: `(P, 3)`, all different.
        points: `(N, 3)`.
        count: Fewer than P.
    """
    from scipy.spatial import cKDTree

    distances, rows = cKDTree(known).query(points, [*range(1, count + 2)])
    return np.asarray(np.where(distances[:, :1] == 0, rows[:, 1:], rows[:, :-1]))


def fit_neighbours(
    step: NeighbourTarget,
    places: tuple[np.ndarray, np.ndarray],
    targets: np.ndarray,
    classes: Sequence[str],
) -> NeighbourTargets:
    """Remember the places of the training rows and their targets; nothing is scaled.

    Args:
        step: Of the plan.
        places: Latitudes and longitudes `(N,)` of the training rows, in degrees.
        targets: `(N,)` numbers, or places of classes.
        classes: All of them; empty for numbers.

    Raises:
        PlanError: There are not more different places than neighbours.
    """
    known, place_of, num_rows = np.unique(
        np.stack(places, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    most = max(step.neighbours)
    if most >= len(known):
        raise PlanError(
            f"prepare: NeighbourTarget.neighbours: {most} neighbours need more than "
            f"{most} different places in the training part, and there are "
            f"{len(known)}; use fewer"
        )
    # The share of the first of two classes says nothing more.
    shown = range(1, 2) if len(classes) == 2 else range(len(classes))
    columns = [targets == place for place in shown] or [targets]
    means = [np.bincount(place_of.ravel(), column) / num_rows for column in columns]
    return NeighbourTargets(
        latitude=step.latitude,
        longitude=step.longitude,
        neighbours=step.neighbours,
        latitudes=tuple(known[:, 0].tolist()),
        longitudes=tuple(known[:, 1].tolist()),
        means=tuple(tuple(values.tolist()) for values in means),
        classes=tuple(classes[place] for place in shown),
        places=tuple(shown),
    )
