"""Counting stored trajectories again, for a line or zone that was drawn or moved today."""

from __future__ import annotations

from aforo.config.site import SiteConfiguration
from aforo.errors import NotFoundError
from aforo.local_time import HOUR_US
from aforo.model import MINUTE_US, PlaceKind, Recount, Rows, TrackKey
from aforo.ports import CountReader, CountStore
from aforo.site import Camera
from aggregate.counting.counter import recount
from app import assemble


def recount_place(
    site: SiteConfiguration, kind: PlaceKind, place: str, start_us: int | None, end_us: int | None
) -> Recount:
    """Count the tracks that began in a range by a line or zone as it is in the configuration now.

    The rows of these tracks there are replaced, an hour of tracks in a transaction; doing it again changes nothing.
    Tracks that are still open, and those whose trajectories were dropped, keep their rows.

    Args:
        site: the configuration, which names the store.
        kind: line or zone.
        place: its id.
        start_us: inclusive; None for the first that is stored.
        end_us: exclusive; None for the last.

    Raises:
        NotFoundError: the site has no such line or zone.
        StoreError: the store cannot be read or written.
    """
    camera, version = _camera_of(site, kind, place)
    with assemble.open_store(site) as store:
        reader = assemble.open_reader(site)
        try:
            span = reader.span_us() or (0, 0)
            first_us = span[0] if start_us is None else max(start_us, span[0])
            last_us = span[1] + MINUTE_US if end_us is None else min(end_us, span[1] + MINUTE_US)
            tracks = count = 0
            for hour_us in range(first_us, last_us, HOUR_US):
                found = _recount_hour(store, reader, camera, (kind, place, hour_us, min(hour_us + HOUR_US, last_us)))
                tracks, count = tracks + found[0], count + found[1]
            if tracks:
                store.refresh(first_us, last_us)
        finally:
            reader.close()
    return Recount(kind, place, version, tracks, count)


def _recount_hour(
    store: CountStore,
    reader: CountReader,
    camera: Camera,
    what: tuple[PlaceKind, str, int, int],
) -> tuple[int, int]:
    """Recount the tracks that began in an hour; returns how many they are, and how many rows they have."""
    kind, place, start_us, end_us = what
    trajectories = reader.trajectories(camera.id, start_us, end_us)
    rows = Rows()
    for trajectory in trajectories:
        rows.extend(recount(trajectory, camera))
    keys = [
        TrackKey(trajectory.camera, trajectory.session, trajectory.track_id, trajectory.started_at_us)
        for trajectory in trajectories
    ]
    if keys:
        store.recount(kind, place, keys, rows)
    return len(keys), len(rows.crossings) + len(rows.visits)


def _camera_of(site: SiteConfiguration, kind: PlaceKind, place: str) -> tuple[Camera, str]:
    """The camera of a line or zone with this place alone, and the version of its geometry."""
    for camera in site.domain().cameras:
        for line in camera.lines:
            if (kind, place) == (PlaceKind.LINE, line.id):
                return Camera(camera.id, lines=(line,)), line.version
        for zone in camera.zones:
            if (kind, place) == (PlaceKind.ZONE, zone.id):
                return Camera(camera.id, zones=(zone,)), zone.version
    raise NotFoundError(f"there is no {kind} {place!r} in the configuration")
