"""Counts of lines, zones and movements per bucket, and how much of each bucket their camera observed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from aforo.errors import NotFoundError
from aforo.local_time import Bucket
from aforo.model import ROAD_USERS, CoverageShare, PlaceKind
from aforo.ports import CountReader
from aforo.site import Line, Site, TurningMovement, Zone
from aforo.traffic_measures import COMPLETE_SHARE, Measured, measured
from aforo.volume_series import Integers, Volumes, VolumeSeries


@dataclass(frozen=True, slots=True)
class CountedPlace:
    """A line, zone or turning movement together with the camera that it is in.

    Attributes:
        camera: its id.
        geometry: the line, zone or movement.
    """

    camera: str
    geometry: Line | Zone | TurningMovement

    @property
    def kind(self) -> PlaceKind:
        """Line, zone or movement."""
        return self.geometry.kind

    @property
    def id(self) -> str:
        """The id of the line, zone or movement."""
        return self.geometry.id

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.geometry.name

    @property
    def directions(self) -> tuple[str, ...]:
        """The names that the directions of its volumes can have."""
        return self.geometry.direction_names


def places_of(site: Site, kind: PlaceKind) -> list[CountedPlace]:
    """All lines, zones or movements of the site, in the order of the configuration."""
    return [CountedPlace(camera.id, place) for camera in site.cameras for place in camera.places if place.kind == kind]


def find_place(site: Site, kind: PlaceKind, place_id: str) -> CountedPlace:
    """The line, zone or movement of that id.

    Raises:
        NotFoundError: the site has none.
    """
    known = places_of(site, kind)
    for place in known:
        if place.id == place_id:
            return place
    listed = ", ".join(place.id for place in known) or "none"
    raise NotFoundError(f"{kind}: there is no {kind} {place_id[:80]!r}; the site has: {listed}")


@dataclass(frozen=True, eq=False)
class Series:
    """The counts of one place over consecutive buckets.

    Attributes:
        counts: per direction and class, shape (2, buckets): the count, and how many of it are provisional.
        observed_us: observed time of the place's camera, shape (buckets,); 0 where nothing was.
    """

    place: CountedPlace
    buckets: Sequence[Bucket]
    counts: dict[tuple[str, str], Integers]
    observed_us: Integers

    @cached_property
    def directions(self) -> list[str]:
        """The place's own directions, then those that only counts of an earlier geometry have."""
        seen = {direction for direction, _ in self.counts}
        return [*self.place.directions, *sorted(seen - set(self.place.directions))]

    @cached_property
    def road_users(self) -> list[str]:
        """The classes that were counted in the range, in the order of tables."""
        return in_order(road_user for _, road_user in self.counts)

    @cached_property
    def coverage(self) -> list[float]:
        """Observed share of each bucket, 0..1."""
        shares: list[float] = np.minimum(self._observed_shares(), 1.0).tolist()
        return shares

    @cached_property
    def complete(self) -> list[bool]:
        """Whether each bucket was observed whole (`COMPLETE_SHARE`)."""
        complete: list[bool] = (self._observed_shares() >= COMPLETE_SHARE).tolist()
        return complete

    def _observed_shares(self) -> npt.NDArray[np.float64]:
        lengths_us = np.diff(np.array(self.buckets, np.int64))[:, 0]
        return np.divide(self.observed_us, lengths_us)

    def sums(self, direction: str | None = None, road_user: str | None = None) -> Integers:
        """Count and provisional count of all road users, or of one direction or class only; shape (2, buckets)."""
        chosen = [
            counts
            for (its_direction, its_road_user), counts in self.counts.items()
            if direction in (None, its_direction) and road_user in (None, its_road_user)
        ]
        return np.sum(chosen, axis=0) if chosen else np.zeros((2, len(self.buckets)), np.int64)

    def measured(self, direction: str | None = None, road_user: str | None = None) -> list[Measured]:
        """Count and coverage of each bucket: of all road users, or of one direction or class only."""
        columns = (*self.sums(direction, road_user).tolist(), self.observed_us.tolist())
        return [measured(*figures) for figures in zip(self.buckets, *columns, strict=True)]


def in_order(road_users: Iterable[str]) -> list[str]:
    """Classes without repetition: Aforo's own in the order of tables, then others by name."""
    classes = set(road_users)
    return [name for name in ROAD_USERS if name in classes] + sorted(classes - set(ROAD_USERS))


def read_series(
    reader: CountReader, places: Sequence[CountedPlace], spans: Sequence[Bucket], interval: str
) -> list[Series]:
    """The series of lines, zones or movements over consecutive buckets, in the places' order.

    Raises:
        StoreError: the database cannot be read.
    """
    start_us, end_us = spans[0].start_us, spans[-1].end_us
    volumes: list[VolumeSeries] = []
    for kind in (PlaceKind.LINE, PlaceKind.ZONE):
        ids = [place.id for place in places if place.kind == kind]
        if ids:
            volumes += reader.volumes(kind, ids, start_us, end_us, interval).series
    if any(place.kind == PlaceKind.MOVEMENT for place in places):
        volumes += _movement_volumes(reader, spans).series
    cameras = list(dict.fromkeys(place.camera for place in places))
    return join(places, spans, volumes, reader.coverage(cameras, start_us, end_us, interval))


def join(
    places: Sequence[CountedPlace],
    spans: Sequence[Bucket],
    volumes: Iterable[VolumeSeries],
    shares: Iterable[CoverageShare],
) -> list[Series]:
    """The series of places from their volumes and their cameras' coverage, whose starts are starts of buckets. Pure."""
    starts_us = np.array([span.start_us for span in spans])
    observed: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for share in shares:
        observed[share.camera].append((share.start_us, share.observed_us))
    counts: dict[tuple[PlaceKind, str], dict[tuple[str, str], Integers]] = defaultdict(dict)
    for volume in volumes:
        figures = counts[volume.kind, volume.place][volume.direction, volume.road_user] = np.zeros(
            (2, len(spans)), np.int64
        )
        figures[:, np.searchsorted(starts_us, volume.start_us)] = volume.count, volume.provisional
    observed_us: dict[str, Integers] = {}
    for camera in {place.camera for place in places}:
        observed_us[camera] = np.zeros(len(spans), np.int64)
        at_us, seen_us = np.array(observed[camera], np.int64).reshape(-1, 2).T
        observed_us[camera][np.searchsorted(starts_us, at_us)] = seen_us
    return [Series(place, spans, counts[place.kind, place.id], observed_us[place.camera]) for place in places]


def _movement_volumes(reader: CountReader, spans: Sequence[Bucket]) -> Volumes:
    """Volumes of movements per bucket; they have no view in the store."""
    sums: dict[tuple[int, str, str], list[int]] = {}
    position = 0
    for movement in reader.movements(spans[0].start_us, spans[-1].end_us):
        while movement.at_us >= spans[position].end_us:
            position += 1
        figures = sums.setdefault((spans[position].start_us, movement.movement, movement.road_user), [0, 0])
        figures[0] += 1
        figures[1] += not movement.final
    return Volumes.of(
        (start_us, PlaceKind.MOVEMENT, place, "", road_user, count, provisional)
        for (start_us, place, road_user), (count, provisional) in sums.items()
    )
