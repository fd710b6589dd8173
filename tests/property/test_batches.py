"""Into which batches a log is split changes no rows; batches keep their frames."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from trajectories import Pair, Table, Walker, counting_line, counting_zone, session

from aforo.geometry import check_polygon
from aforo.model import PlaceKind, TrackedFrame, Trajectory
from aforo.site import Camera, Gate, TurningMovement
from aforo.tracked_batch import TrackedBatch, joined
from aggregate.counting.counter import CountingStage

# On a grid that 32 bits hold, so that trajectories touch lines, joints and corners all the time; close; and anywhere.
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
    trajectory: list[Pair | None] = list(draw(st.lists(points, min_size=1, max_size=15)))
    if draw(st.booleans()):  # stands, as on a kerb that is a border
        trajectory += [trajectory[-1]] * draw(st.integers(1, 8))
    for i in draw(st.sets(st.integers(1, 20), max_size=4)):
        if i < len(trajectory):
            trajectory[i] = None
    classes = [draw(st.sampled_from(("car", "car", "car", "bus"))) for _ in trajectory]
    seen = sum(point is not None for point in trajectory)
    return Walker(
        trajectory,
        classes,
        final=draw(st.sampled_from(("", "truck", None))),
        enters=draw(st.integers(0, 10)),
        backfilled=draw(st.integers(0, seen - 1)),
        size=draw(st.sampled_from(({}, {"width": 0.3, "height": 0.2}))),
    )


@st.composite
def logs(draw: st.DrawFn) -> list[TrackedFrame]:
    """What a bus carries: sessions of up to three cameras among each other, some begun before, some without an end."""
    streams = []
    for camera, name in draw(st.sets(st.tuples(st.sampled_from("cde"), st.sampled_from("st")), min_size=1, max_size=4)):
        frames = session(draw(st.lists(walkers(), min_size=1, max_size=4)), camera, name)
        width_px = draw(st.sampled_from((100, 160)))
        frames = [replace(frame, width_px=width_px, dropped=i % 3) for i, frame in enumerate(frames)]
        if draw(st.booleans()):  # its end was never sent: the reader of the partition closes it
            frames[-1] = replace(frames[-1], ended=())
        streams.append(frames[draw(st.sampled_from((0, 0, 3))) :])
    return [frame for frames in itertools.zip_longest(*streams) for frame in frames if frame is not None]


def _rows_in(counter: CountingStage, log: list[TrackedFrame], lengths: Iterable[int]) -> tuple[Table, list[Trajectory]]:
    """What is stored in the end when the log comes in batches of those lengths."""
    table, trajectories, begin = Table(), list[Trajectory](), 0
    for length in lengths:
        if begin >= len(log):
            break
        rows = counter.add(TrackedBatch.of(log[begin : begin + length]))
        table.add(rows)
        trajectories += rows.trajectories
        begin += length
    return table, sorted(trajectories, key=str)


@given(cameras, logs(), st.data())
@settings(max_examples=300, deadline=None)
def test_how_a_log_is_split_into_batches_changes_no_rows(
    cameras: tuple[Camera, ...], log: list[TrackedFrame], data: st.DataObject
) -> None:
    single, split = CountingStage(cameras), CountingStage(cameras)
    lengths = data.draw(st.lists(st.integers(1, 40), min_size=len(log), max_size=len(log)), label="lengths")
    assert _rows_in(split, log, lengths) == _rows_in(single, log, itertools.repeat(1))
    assert split.open_tracks == single.open_tracks


@given(logs())
@settings(max_examples=100, deadline=None)
def test_frames_come_back_from_their_batch(log: list[TrackedFrame]) -> None:
    assert TrackedBatch.of(log).frames() == log


@given(logs(), st.data())
@settings(max_examples=100, deadline=None)
def test_batches_can_be_joined_and_their_messages_selected(log: list[TrackedFrame], data: st.DataObject) -> None:
    assume(log)
    at = data.draw(st.integers(0, len(log) - 1))
    batches = [TrackedBatch.of(part) for part in (log[:at], log[at:]) if part]
    assert joined(batches).frames() == log
    order = data.draw(st.permutations(range(len(log))))[at:]
    assert TrackedBatch.of(log).select(order).frames() == [log[row] for row in order]
