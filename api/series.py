"""What was counted at a place, bucket by bucket, in the light of what its camera observed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from aforo.config import LineSection, MovementSection, Site, ZoneSection
from aforo.errors import NotFoundError
from aforo.measures import Bucket, Measured, buckets, measured
from aforo.model import ROAD_USERS, CoverageShare, Volume
from aforo.protocols import CountReader

Section = LineSection | ZoneSection | MovementSection

ENTERED = "entered"
"""The direction of a zone's volume."""


@dataclass(frozen=True, slots=True)
class Place:
    """A counting line, zone or turning movement of the site.

    Attributes:
        kind: "line", "zone" or "movement".
        directions: the names that its volumes can have.
    """

    kind: str
    id: str
    name: str
    camera: str
    directions: tuple[str, ...]


def places_of(site: Site, kind: str) -> list[Place]:
    """All lines, zones or movements of the site, in the order of the configuration."""
    found = []
    for camera in site.cameras:
        sections: dict[str, Sequence[Section]] = {
            "line": camera.lines,
            "zone": camera.zones,
            "movement": camera.movements,
        }
        for section in sections[kind]:
            found.append(Place(kind, section.id, section.name, camera.id, _directions(section)))
    return found


def _directions(section: Section) -> tuple[str, ...]:
    match section:
        case LineSection():
            return section.direction_names
        case ZoneSection():
            return (ENTERED,)
        case MovementSection():
            return ("",)


def find_place(site: Site, kind: str, place_id: str) -> Place:
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


@dataclass(frozen=True)
class Series:
    """The counts of one place over consecutive buckets.

    Attributes:
        counts: per start of a bucket, then (direction, road user): count and how many of it are provisional.
        observed_us: observed time of the place's camera per start of a bucket; missing where nothing was.
    """

    place: Place
    buckets: list[Bucket]
    counts: dict[int, dict[tuple[str, str], tuple[int, int]]]
    observed_us: dict[int, int]

    @cached_property
    def directions(self) -> list[str]:
        """The place's own directions, then others that counts of an older geometry have."""
        seen = {direction for counts in self.counts.values() for direction, _ in counts}
        return [*self.place.directions, *sorted(seen - set(self.place.directions))]

    @cached_property
    def road_users(self) -> list[str]:
        """The classes that were counted in the range, in the order of tables."""
        return in_order(road_user for counts in self.counts.values() for _, road_user in counts)

    def at(self, bucket: Bucket, direction: str | None = None, road_user: str | None = None) -> Measured:
        """What is known of one bucket: of everybody, or of one direction or class only."""
        chosen = [
            figures
            for (its_direction, its_road_user), figures in self.counts.get(bucket.start_us, {}).items()
            if direction in (None, its_direction) and road_user in (None, its_road_user)
        ]
        return measured(
            bucket,
            count=sum(count for count, _ in chosen),
            provisional=sum(provisional for _, provisional in chosen),
            observed_us=self.observed_us.get(bucket.start_us, 0),
        )


def in_order(road_users: Iterable[str]) -> list[str]:
    """Different classes, the known ones in the order of tables, then others by name."""
    found = set(road_users)
    return [name for name in ROAD_USERS if name in found] + sorted(found - set(ROAD_USERS))


def read_series(
    site: Site, reader: CountReader, places: Sequence[Place], start_us: int, end_us: int, interval: str
) -> list[Series]:
    """The series of lines, zones or movements over the whole buckets that overlap a range, in the places' order.

    Raises:
        StoreError: the database cannot be read.
    """
    spans = buckets(start_us, end_us, interval, site.timezone)
    if not spans:
        return []
    start_us, end_us = spans[0].start_us, spans[-1].end_us
    volumes: list[Volume] = []
    for kind in ("line", "zone"):
        ids = [place.id for place in places if place.kind == kind]
        if ids:
            volumes += reader.volumes(kind, ids, start_us, end_us, interval)
    if any(place.kind == "movement" for place in places):
        volumes += _movement_volumes(reader, spans)
    cameras = list(dict.fromkeys(place.camera for place in places))
    return join(places, spans, volumes, reader.coverage(cameras, start_us, end_us, interval))


def join(
    places: Sequence[Place], spans: list[Bucket], volumes: Iterable[Volume], shares: Iterable[CoverageShare]
) -> list[Series]:
    """Volumes and coverage put together per place. Pure."""
    observed_us: dict[str, dict[int, int]] = defaultdict(dict)
    for share in shares:
        observed_us[share.camera][share.start_us] = share.observed_us
    counts: dict[tuple[str, str], dict[int, dict[tuple[str, str], tuple[int, int]]]] = defaultdict(dict)
    for volume in volumes:
        figures = counts[volume.kind, volume.place].setdefault(volume.start_us, {})
        figures[volume.direction, volume.road_user] = (volume.count, volume.provisional)
    return [Series(place, spans, counts[place.kind, place.id], observed_us[place.camera]) for place in places]


def _movement_volumes(reader: CountReader, spans: Sequence[Bucket]) -> list[Volume]:
    """Volumes of movements per bucket; they have no view in the store."""
    found: dict[tuple[int, str, str], list[int]] = {}
    position = 0
    for movement in reader.movements(spans[0].start_us, spans[-1].end_us):
        while movement.at_us >= spans[position].end_us:
            position += 1
        figures = found.setdefault((spans[position].start_us, movement.movement, movement.road_user), [0, 0])
        figures[0] += 1
        figures[1] += not movement.final
    return [Volume(start, "movement", place, "", road_user, *n) for (start, place, road_user), n in found.items()]
