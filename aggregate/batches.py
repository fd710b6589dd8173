"""Many positions of many tracks at once: each track takes in all of its own, and acts on the decisive ones alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aforo.observations import POSITION, Floats, Ints, Observations
from aggregate.decisive import Places, Positions, spread
from aggregate.tracks import OpenTrack, Session
from aggregate.trajectories import observation

_CLASS = -1
"""In the place of a line or zone: the class has changed."""


def see_all(sessions: Sequence[Session], seen: Observations, places: Places) -> list[OpenTrack]:
    """Take in where road users are, to the same effect as `Session.see` of one after another.

    Args:
        sessions: of each message.
        seen: the road users of the messages, those of a session in order.
        places: of all cameras.

    Returns:
        The tracks that were seen.
    """
    if not len(seen.message):
        return []
    found = _by_track(sessions, seen)
    tracks = found.tracks
    if not tracks:
        return []
    before = [track.recorder.last_position for track in tracks]
    known = np.array([len(position) > 0 for position in before], bool)
    lengths = found.lengths + known
    stops = np.cumsum(lengths)
    starts = stops - lengths
    is_known, is_first = (np.zeros(stops[-1], bool) for _ in range(2))
    is_known[starts[known]] = True
    is_first[starts[~known]] = True
    positions = np.empty(stops[-1], POSITION)
    positions[is_known] = np.frombuffer(b"".join(before), POSITION)
    positions[~is_known] = seen.position[found.rows]
    codes = {name: code for code, name in enumerate(seen.names)}
    road_user = np.empty(stops[-1], np.int64)
    road_user[is_known] = np.array([codes.get(track.road_user, -1) for track in tracks], np.int64)[known]
    road_user[~is_known] = seen.road_user[found.rows]
    inside = [state.inside for track, old in zip(tracks, before, strict=True) if old for _, state in track.zones]
    decisive = places.decisive(
        Positions(
            camera=np.repeat(found.camera, lengths),
            aspect=np.repeat(found.aspect, lengths),
            box=positions["box"].T.copy(),
            first=is_first,
            known=is_known,
            inside=np.array(inside, bool),
        )
    )
    renamed = np.flatnonzero(np.diff(road_user, prepend=road_user[:1]).astype(bool) & ~is_known & ~is_first)
    rows = np.concatenate((renamed, decisive.rows))
    where = np.concatenate((np.full(len(renamed), _CLASS), decisive.places))
    begun, lines, sides = decisive.begun
    for number, line, side in zip(
        np.searchsorted(stops, begun, "right").tolist(), lines.tolist(), sides.tolist(), strict=True
    ):
        tracks[number].lines[line][1].side = side
    order = np.lexsort((where, rows))
    rows = rows[order]
    due = _Due(
        rows.tolist(), where[order].tolist(), positions.tobytes(), [seen.names[code] for code in road_user[rows]]
    )
    bounds = np.searchsorted(rows, (starts, stops)).T.tolist()
    size = POSITION.itemsize
    for track, start, stop, old, (low, high) in zip(
        tracks, starts.tolist(), stops.tolist(), known.tolist(), bounds, strict=True
    ):
        track.recorder.extend(due.positions[(start + old) * size : stop * size])
        if low < high:
            _act(track, due, low, high, start, stop)
    return tracks


class _ByTrack(NamedTuple):
    """The rows of the observations, track after track; of each track how many, its camera's number and aspect."""

    tracks: list[OpenTrack]
    rows: Ints
    lengths: Ints
    camera: Ints
    aspect: Floats


class _Due(NamedTuple):
    """What is to be looked at, in order: the index of the position, the place, and the class there.

    `positions` has the bytes of all positions.
    """

    rows: list[int]
    places: list[int]
    positions: bytes
    road_users: list[str]


def _by_track(sessions: Sequence[Session], seen: Observations) -> _ByTrack:
    """Group by track, those begun that begin; whose beginning was missed are left out."""
    numbers: dict[Session, int] = {}
    session = np.array([numbers.setdefault(each, len(numbers)) for each in sessions], np.int64)[seen.message]
    order = np.lexsort((seen.track_id, session))
    session, track_ids = session[order], seen.track_id[order]
    turns = np.flatnonzero((session[1:] != session[:-1]) | (track_ids[1:] != track_ids[:-1])) + 1
    starts = np.concatenate(([0], turns))
    distinct = list(numbers)
    tracks: list[OpenTrack] = []
    found: list[tuple[int, int, int]] = []
    for start, stop, number, track_id in zip(
        starts.tolist(),
        [*turns.tolist(), len(order)],
        session[starts].tolist(),
        track_ids[starts].tolist(),
        strict=True,
    ):
        begin = start
        track = distinct[number].tracks.get(track_id)
        if track is None:
            firsts = np.flatnonzero(seen.first[order[start:stop]])
            if not len(firsts):
                continue
            begin += int(firsts[0])
            track = distinct[number].open(track_id, seen.names[seen.road_user[order[begin]]])
        tracks.append(track)
        found.append((begin, stop - begin, number))
    begins, lengths, number_of = np.array(found, np.int64).reshape(-1, 3).T
    return _ByTrack(
        tracks,
        order[spread(lengths, begins)[1]],
        lengths,
        np.array([each.number for each in distinct], np.int64)[number_of],
        np.array([each.aspect for each in distinct])[number_of],
    )


def _act(track: OpenTrack, due: _Due, low: int, high: int, start: int, stop: int) -> None:
    """Look at what is due from `low` to `high`, and on where a track has yet to clear the margin of a zone."""
    unsettled: set[int] = set()
    rows, where = due.rows, due.places
    row = rows[low]
    while row < stop:
        places = unsettled
        while low < high and rows[low] == row:
            if where[low] == _CLASS:
                track.name(due.road_users[low])
            else:
                places.add(where[low])
            low += 1
        if not places:
            row = rows[low] if low < high else stop
            continue
        before = observation(due.positions, row - 1) if row > start else None
        now = observation(due.positions, row)
        for place in sorted(places):
            track.visit(place, before, now)
        unsettled = {place for place in places if not track.is_settled(place, now)}
        if unsettled:
            row += 1
        else:
            row = rows[low] if low < high else stop
