"""Counting many messages at once gives the very rows of counting them one by one."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from trajectories import Pair, Table, Walker, counting_line, counting_zone, session

from aforo.bus import wire
from aforo.geometry import check_polygon
from aforo.model import PlaceKind, Rows, TrackedFrame, Trajectory
from aforo.site import Camera, Gate, TurningMovement
from aforo.tracked_batch import Message
from aggregate.counting.counter import Aggregator

# On a grid that 32 bits hold, so that ways touch lines, joints and corners all the time; close together; and anywhere.
grid = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda p: (p[0] / 8, p[1] / 8))
fine = st.tuples(st.integers(240, 272), st.integers(240, 272)).map(lambda p: (p[0] / 512, p[1] / 512))
anywhere = st.tuples(st.floats(0, 1), st.floats(0, 1))
points = st.one_of(grid, fine, anywhere)
anchors = st.sampled_from(("bottom_centre", "centre"))


@st.composite
def one_camera(draw: st.DrawFn, name: str) -> Camera:
    lines, zones = [], []
    for number in range(draw(st.integers(0, 3))):
        corners = draw(st.lists(grid | anywhere, min_size=2, max_size=4))
        assume(all(math.dist(a, b) > 0.01 for a, b in itertools.pairwise(corners)))
        lines.append(counting_line(*corners, name=f"line-{number}", anchor=draw(anchors)))
    for number in range(draw(st.integers(0, 2))):
        corners = draw(st.lists(grid | anywhere, min_size=3, max_size=5))
        assume(_is_simple(corners))
        zones.append(counting_zone(*corners, name=f"zone-{number}", anchor=draw(anchors)))
    gates = [Gate(PlaceKind.LINE, line.id) for line in lines] + [Gate(PlaceKind.ZONE, zone.id) for zone in zones]
    turns = [TurningMovement(f"turn-{i}", a, b) for i, (a, b) in enumerate(itertools.permutations(gates, 2)) if i < 3]
    return Camera(name, tuple(lines), tuple(zones), tuple(turns))


cameras = st.sampled_from(("", "c", "d", "cd")).flatmap(lambda names: st.tuples(*map(one_camera, names)))


def _is_simple(corners: list[Pair]) -> bool:
    try:
        check_polygon(corners)
    except ValueError:
        return False
    return True


@st.composite
def walkers(draw: st.DrawFn) -> Walker:
    way: list[Pair | None] = list(draw(st.lists(points, min_size=1, max_size=15)))
    if draw(st.booleans()):  # stands, as on a kerb that is a border
        way += [way[-1]] * draw(st.integers(1, 8))
    for i in draw(st.sets(st.integers(1, 20), max_size=4)):
        if i < len(way):
            way[i] = None
    classes = [draw(st.sampled_from(("car", "car", "car", "bus"))) for _ in way]
    seen = sum(point is not None for point in way)
    return Walker(
        way,
        classes,
        final=draw(st.sampled_from(("", "truck", None))),
        enters=draw(st.integers(0, 10)),
        backfilled=draw(st.integers(0, seen - 1)),
        size=draw(st.sampled_from(({}, {"width": 0.3, "height": 0.2}))),
    )


@st.composite
def logs(draw: st.DrawFn) -> list[Message]:
    """What a bus carries: sessions of up to three cameras among each other, some begun before, some without an end."""
    streams = []
    for camera, name in draw(st.sets(st.tuples(st.sampled_from("cde"), st.sampled_from("st")), min_size=1, max_size=4)):
        frames = session(draw(st.lists(walkers(), min_size=1, max_size=4)), camera, name)
        width_px = draw(st.sampled_from((100, 160)))
        frames = [replace(frame, width_px=width_px, dropped=i % 3) for i, frame in enumerate(frames)]
        if draw(st.booleans()):  # its end was never sent: the reader of the partition closes it
            frames[-1] = replace(frames[-1], ended=())
        streams.append(frames[draw(st.sampled_from((0, 0, 3))) :])
    mixed = [frame for frames in itertools.zip_longest(*streams) for frame in frames if frame is not None]
    return [wire.decode(wire.encode(frame, 0)) for frame in mixed]


def _told(rows: Rows) -> tuple[object, ...]:
    """The rows of one message, whatever the order of tracks."""
    parts: list[list[object]] = [
        [*rows.crossings], [*rows.visits], [*rows.movements], [*rows.coverage], [*rows.voided], [*rows.trajectories]
    ]  # fmt: skip
    return tuple(sorted(part, key=str) for part in parts)


@given(cameras, logs(), st.data())
@settings(max_examples=300, deadline=None)
def test_a_batch_gives_the_rows_of_its_messages(
    cameras: tuple[Camera, ...], log: list[Message], data: st.DataObject
) -> None:
    one_by_one, at_once = Aggregator(cameras), Aggregator(cameras)
    expected, table = Table(), Table()
    ways: list[Trajectory] = []
    expected_ways: list[Trajectory] = []
    begin = 0
    while begin < len(log):
        stop = min(begin + data.draw(st.integers(1, 40), label="batch"), len(log))
        for message in log[begin:stop]:
            rows = one_by_one.observe(message.frame())
            expected.take(rows)
            expected_ways += rows.trajectories
        rows = at_once.observe_all(wire.joined(log[begin:stop]))
        table.take(rows)
        ways += rows.trajectories
        assert table == expected
        assert sorted(ways, key=str) == sorted(expected_ways, key=str)
        assert at_once.open_tracks == one_by_one.open_tracks
        begin = stop


@given(cameras, logs())
@settings(max_examples=100, deadline=None)
def test_a_batch_of_one_tells_just_what_the_message_tells(cameras: tuple[Camera, ...], log: list[Message]) -> None:
    one_by_one, at_once = Aggregator(cameras), Aggregator(cameras)
    for message in log:
        assert _told(at_once.observe_all(wire.joined([message]))) == _told(one_by_one.observe(message.frame()))


@given(cameras, logs(), st.data())
@settings(max_examples=100, deadline=None)
def test_batches_and_single_frames_may_take_turns(
    cameras: tuple[Camera, ...], log: list[Message], data: st.DataObject
) -> None:
    one_by_one, mixed = Aggregator(cameras), Aggregator(cameras)
    expected, table = Table(), Table()
    frames: list[TrackedFrame] = [message.frame() for message in log]
    for frame in frames:
        expected.take(one_by_one.observe(frame))
    begin = 0
    while begin < len(log):
        stop = min(begin + data.draw(st.integers(1, 20), label="batch"), len(log))
        table.take(mixed.observe_all(wire.joined(log[begin:stop])))
        for frame in frames[stop : stop + 3]:
            table.take(mixed.observe(frame))
        begin = stop + 3
    assert table == expected
