"""Counts of the newest day, kept in memory from the rows that go to the store, so that pictures need no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from aforo.geometry import contains
from aforo.model import MICROSECONDS, Crossing, PlaceKind, Rows, TrackedFrame, Volume
from aforo.site import Camera

LineCounts = Mapping[tuple[str, str], int]
"""Road users that crossed one line, by (direction, road user)."""


class RunningCounts:
    """Crossings of the newest local day, per line, direction and road user.

    A crossing counts at once, with the track's class so far; its final row corrects the class, and the crossings of a
    voided track are subtracted. Kept in memory: one number per line, direction and class, and the crossings of tracks
    that are still open. Not thread-safe.
    """

    def __init__(self, timezone: ZoneInfo) -> None:
        self._timezone = timezone
        self._days: dict[str, date] = {}
        self._counts: dict[str, Counter[tuple[str, str]]] = {}
        # By camera, session and track, then by line and ordinal.
        self._open: dict[tuple[str, str, int], dict[tuple[str, int], Crossing]] = {}

    def seed(self, volumes: Iterable[Volume]) -> None:
        """Start from the volumes of today in the store; to be called before the first rows."""
        for volume in volumes:
            if volume.kind == PlaceKind.LINE and self._is_newest_day(volume.place, volume.start_us):
                self._counts[volume.place][volume.direction, volume.road_user] += volume.count

    def add(self, rows: Rows) -> list[Crossing]:
        """Count the rows of a batch.

        Returns:
            The crossings that came for the first time, in the batch's order.
        """
        new = [crossing for crossing in rows.crossings if self._add(crossing)]
        for track in rows.voided:
            for crossing in self._open.pop((track.camera, track.session, track.track_id), {}).values():
                self._count(crossing, -1)
        return new

    def line(self, line: str) -> LineCounts:
        """Counts of one line, as a copy; empty before its first crossing."""
        return {passed: count for passed, count in self._counts.get(line, {}).items() if count > 0}

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
        day = datetime.fromtimestamp(at_us / MICROSECONDS, self._timezone).date()
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
