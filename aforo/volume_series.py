"""Volumes as columns: a year of hours of one line has a hundred thousand, too many for one object each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aforo.model import PlaceKind, Volume

Integers = npt.NDArray[np.int64]
Row = tuple[int, str, str, str, str, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class VolumeSeries:
    """The volumes of one place, direction and class; see `aforo.model.Volume`.

    >>> hours = VolumeSeries(PlaceKind("line"), "a", "in", "car", np.array([0]), np.array([3]), np.array([0]))
    >>> int(hours.count.sum())
    3

    Attributes:
        kind: of the place.
        place: id of the line or zone.
        direction: of the line; "entered" for a zone.
        road_user: the class.
        start_us: (n,) starts of intervals, ascending, each once.
        count: (n,) road users.
        provisional: (n,) those of them whose tracks are still open.
    """

    kind: PlaceKind
    place: str
    direction: str
    road_user: str
    start_us: Integers
    count: Integers
    provisional: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Volumes:
    """Volumes of several places, directions and classes; iterating yields each as a `Volume`, by start.

    >>> [volume.count for volume in Volumes.of([(0, "line", "a", "in", "car", 3, 1)])]
    [3]
    """

    series: tuple[VolumeSeries, ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Volumes:
        """Make the columns from rows, each the fields of a `Volume`, in order of their starts."""
        columns: dict[tuple[str, str, str, str], list[tuple[int, int, int]]] = defaultdict(list)
        for start_us, kind, place, direction, road_user, count, provisional in rows:
            columns[kind, place, direction, road_user].append((start_us, count, provisional))
        return cls(
            tuple(
                VolumeSeries(PlaceKind(kind), place, direction, road_user, *np.array(found, np.int64).T)
                for (kind, place, direction, road_user), found in columns.items()
            )
        )

    def __iter__(self) -> Iterator[Volume]:
        found = [
            Volume(start_us, series.kind, series.place, series.direction, series.road_user, count, provisional)
            for series in self.series
            for start_us, count, provisional in zip(
                series.start_us.tolist(), series.count.tolist(), series.provisional.tolist(), strict=True
            )
        ]
        return iter(sorted(found, key=lambda volume: volume.start_us))
