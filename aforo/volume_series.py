"""Volumes by columns: a year of hours of one line is a hundred thousand of them, too many for an object each."""

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

    Attributes:
        start_us: starts of intervals, shape (n,), ascending; each once.
        count, provisional: of those intervals, shape (n,).
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
    """Volumes of several places, directions and classes; iterating yields each as a `Volume`, by start."""

    series: tuple[VolumeSeries, ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Volumes:
        """From the fields of a `Volume` each, in the order of their starts."""
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
