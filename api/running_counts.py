"""Counts of the newest day, kept in memory from the rows that go to the store, so that pictures need no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from aforo.geometry import contains
from aforo.local_time import Bucket, buckets
from aforo.model import MICROSECONDS, Coverage, CoverageShare, Crossing, PlaceKind, Rows, TrackedFrame, Volume
from aforo.site import Camera
from aforo.traffic_measures import COMPLETE_SHARE

LineCounts = Mapping[tuple[str, str], int]
"""Road users that crossed one line, by (direction, road user)."""

_NOT_TOLD_YET_US = 15 * MICROSECONDS
"""So much of the newest time may have been observed and not been told yet: coverage comes every few seconds."""

_MINUTES_OPEN = 16
"""Minutes and sessions of one camera whose coverage may still grow."""


@dataclass(slots=True)
class _ObservedDay:
    """What one camera observed of its newest local day.

    Attributes:
        day: from its midnight to the next.
        observed_us: of it, all sessions together.
        recent: of that, by (session, minute), what may still grow.
    """

    day: Bucket
    observed_us: int = 0
    recent: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, row: Coverage) -> None:
        """Take in a row, which takes the place of an earlier one of the same session and minute."""
        key = (row.session, row.minute_us)
        grown_us = row.observed_us - self.recent.get(key, 0)
        if grown_us >= 0:
            self.observed_us += grown_us
            self.recent[key] = row.observed_us
        while len(self.recent) > _MINUTES_OPEN:
            del self.recent[next(iter(self.recent))]


class RunningCounts:
    """Crossings of the newest local day, per line, direction and road user, and how much of it was observed.

    A crossing counts at once, with the track's class so far; its final row corrects the class, and the crossings of a
    voided track are subtracted. Kept in memory: one number per line, direction and class, and the crossings of tracks
    that are still open. Not thread-safe.
    """

    def __init__(self, timezone: ZoneInfo) -> None:
        self._timezone = timezone
        self._days: dict[str, date] = {}
        self._observed: dict[str, _ObservedDay] = {}
        self._counts: dict[str, Counter[tuple[str, str]]] = {}
        # By camera, session and track, then by line and ordinal.
        self._open: dict[tuple[str, str, int], dict[tuple[str, int], Crossing]] = {}

    def seed(self, volumes: Iterable[Volume], shares: Iterable[CoverageShare] = ()) -> None:
        """Start from the volumes and the coverage of today in the store; to be called before the first rows."""
        for volume in volumes:
            if volume.kind == PlaceKind.LINE and self._is_newest_day(volume.place, volume.start_us):
                self._counts[volume.place][volume.direction, volume.road_user] += volume.count
        for share in shares:
            self._observed[share.camera] = _ObservedDay(self._day_of(share.start_us), share.observed_us)

    def add(self, rows: Rows) -> list[Crossing]:
        """Count the rows of a batch.

        Returns:
            The crossings that came for the first time, in the batch's order.
        """
        for row in rows.coverage:
            self._observe(row)
        new = [crossing for crossing in rows.crossings if self._add(crossing)]
        for track in rows.voided:
            for crossing in self._open.pop((track.camera, track.session, track.track_id), {}).values():
                self._count(crossing, -1)
        return new

    def line(self, line: str) -> LineCounts:
        """Counts of one line, as a copy; empty before its first crossing."""
        return {passed: count for passed, count in self._counts.get(line, {}).items() if count > 0}

    def of_camera(self, camera: Camera) -> dict[str, LineCounts]:
        """Counts of each line of a camera; those of a day before the newest that it observed are over."""
        observed = self._observed.get(camera.id)
        newest = None if observed is None else self._date_of(observed.day.start_us)
        return {
            line.id: {} if newest is not None and self._days.get(line.id, newest) < newest else self.line(line.id)
            for line in camera.lines
        }

    def observed_share(self, camera: str, now_us: int) -> float | None:
        """Share of the camera's newest day, until now, that was observed: 1.0 for all, None for nothing at all."""
        observed = self._observed.get(camera)
        if observed is None:
            return None
        until_us = min(max(now_us, observed.day.start_us), observed.day.end_us)
        past_us = until_us - observed.day.start_us
        missing_us = past_us - observed.observed_us
        if missing_us <= max((1 - COMPLETE_SHARE) * past_us, _NOT_TOLD_YET_US):
            return 1.0
        return observed.observed_us / past_us

    def _observe(self, row: Coverage) -> None:
        observed = self._observed.get(row.camera)
        if observed is None or row.minute_us >= observed.day.end_us:
            observed = self._observed[row.camera] = _ObservedDay(self._day_of(row.minute_us))
        if row.minute_us >= observed.day.start_us:
            observed.add(row)

    def _day_of(self, at_us: int) -> Bucket:
        (day,) = buckets(at_us, at_us + 1, "1d", self._timezone)
        return day

    def _date_of(self, at_us: int) -> date:
        return datetime.fromtimestamp(at_us / MICROSECONDS, self._timezone).date()

    def _add(self, crossing: Crossing) -> bool:
        track = (crossing.camera, crossing.session, crossing.track_id)
        passage = (crossing.line, crossing.ordinal)
        known = self._open.get(track, {})
        before = known.pop(passage, None)
        if before is not None:
            self._count(before, -1)
        if self._is_newest_day(crossing.line, crossing.at_us):
            self._count(crossing, +1)
            if not crossing.final:
                known[passage] = crossing
        if known:
            self._open[track] = known
        else:
            self._open.pop(track, None)
        return before is None

    def _count(self, crossing: Crossing, change: int) -> None:
        self._counts[crossing.line][crossing.direction, crossing.road_user] += change

    def _is_newest_day(self, line: str, at_us: int) -> bool:
        """Whether an instant is in the line's newest day; with a newer day the line's counts start at zero."""
        day = self._date_of(at_us)
        newest = self._days.get(line)
        if newest is None or day > newest:
            self._days[line] = day
            self._counts[line] = Counter()
            for passages in self._open.values():
                for passage in [passage for passage in passages if passage[0] == line]:
                    del passages[passage]
            self._open = {track: passages for track, passages in self._open.items() if passages}
            return True
        return day == newest


def by_direction(counts: LineCounts) -> Counter[str]:
    """Counts of one line summed over the road users."""
    totals: Counter[str] = Counter()
    for (direction, _), count in counts.items():
        totals[direction] += count
    return totals


def presence(camera: Camera, tracked: TrackedFrame) -> dict[str, Counter[str]]:
    """Road users in each zone of the camera in this frame: zone id -> class -> number."""
    return {
        zone.id: Counter(
            road_user.road_user
            for road_user in tracked.objects
            if contains(
                zone.polygon,
                road_user.box.bottom_centre if zone.anchor == "bottom_centre" else road_user.box.centre,
            )
        )
        for zone in camera.zones
    }
