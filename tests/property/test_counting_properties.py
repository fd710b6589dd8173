"""What must hold of counting whatever the trajectories, the lines and the zones."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from trajectories import (
    START_US,
    STEP_US,
    Pair,
    Table,
    Walker,
    counted,
    counting_line,
    counting_zone,
    directions,
    message,
    observed,
    passages,
    session,
    stays,
    straight,
)

from aforo.geometry import contains, cross, distance_to_border, distance_to_segment
from aforo.local_time import INTERVALS
from aforo.model import MINUTE_US, PlaceKind
from aforo.site import Camera, Gate, Line, TurningMovement
from aforo.tracked_batch import TrackedBatch
from aggregate.counting.counter import CountingStage
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore

CLEAR = 0.02
"""Further than any margin of the boxes used here."""

# On a grid, so that trajectories touch joints, ends and corners all the time; and anywhere.
grid = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda p: (p[0] / 8, p[1] / 8))
anywhere = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda p: (round(p[0], 6), round(p[1], 6)))
points = st.one_of(grid, anywhere)
trajectories = st.lists(points, min_size=2, max_size=12)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """A line of one to three pieces that does not cross itself."""
    corners = draw(st.lists(points, min_size=2, max_size=4))
    assume(all(math.dist(a, b) > 0.05 for a, b in itertools.pairwise(corners)))
    pieces = list(itertools.pairwise(corners))
    for i, (a, b) in enumerate(pieces):
        for c, d in pieces[i + 2 :]:
            assume(_apart(a, b, c, d))
        for _, d in pieces[i + 1 : i + 2]:
            assume(abs(cross(a, b, d)) > 1e-3 or (b[0] - a[0]) * (d[0] - b[0]) + (b[1] - a[1]) * (d[1] - b[1]) > 0)
    return counting_line(*corners)


def _apart(a: Pair, b: Pair, c: Pair, d: Pair) -> bool:
    if cross(a, b, c) * cross(a, b, d) < 0 and cross(c, d, a) * cross(c, d, b) < 0:
        return False
    return (
        min(distance_to_segment(a, c, d), distance_to_segment(b, c, d), distance_to_segment(c, a, b),
            distance_to_segment(d, a, b)) > 0.01
    )  # fmt: skip


def is_clear(line: Line, point: Pair) -> bool:
    return min(distance_to_segment(point, a, b) for a, b in itertools.pairwise(line.points)) > CLEAR


def is_in_extension(line: Line, point: Pair) -> bool:
    """Whether a point may be on neither side: who ends there has not crossed yet, and who begins there has no side."""
    return any(abs(cross(a, b, point)) < 1e-9 for a, b in itertools.pairwise(line.points))


def reverse(found: list[str]) -> list[str]:
    other = {"right-hand": "left-hand", "left-hand": "right-hand"}
    return [other[direction] for direction in reversed(found)]


@given(line=lines(), trajectory=trajectories)
def test_going_back_the_same_way_swaps_the_directions(line: Line, trajectory: list[Pair]) -> None:
    assume(all(is_clear(line, point) for point in trajectory))
    assume(not is_in_extension(line, trajectory[0]) and not is_in_extension(line, trajectory[-1]))
    assert directions(line, trajectory[::-1]) == reverse(directions(line, trajectory))


@given(line=lines(), trajectory=trajectories)
def test_reversing_the_line_swaps_the_directions(line: Line, trajectory: list[Pair]) -> None:
    assume(all(is_clear(line, point) for point in trajectory))
    backwards = counting_line(*line.points[::-1])
    assert directions(backwards, trajectory) == [*reversed(reverse(directions(line, trajectory)))]


@given(
    line=st.lists(points, min_size=2, max_size=3),
    trajectory=trajectories,
    move=st.tuples(st.integers(-4, 4), st.integers(-4, 4)),
)
def test_moving_scene_and_line_together_changes_nothing(
    line: list[Pair], trajectory: list[Pair], move: tuple[int, int]
) -> None:
    assume(all(math.dist(a, b) > 0.05 for a, b in itertools.pairwise(line)))

    def exactly(p: Pair) -> Pair:
        return round(p[0] * 1024) / 1024, round(p[1] * 1024) / 1024  # so that moving rounds nothing

    line, trajectory = [exactly(p) for p in line], [exactly(p) for p in trajectory]
    dx, dy = move[0] / 4, move[1] / 4
    still = passages(counting_line(*line), observed(trajectory, width=1 / 16, height=1 / 16))
    moved = passages(
        counting_line(*[(x + dx, y + dy) for x, y in line]),
        observed([(x + dx, y + dy) for x, y in trajectory], width=1 / 16, height=1 / 16),
    )
    assert [(d, round(t, -1)) for d, t in moved] == [(d, round(t, -1)) for d, t in still]


@given(line=lines(), trajectory=trajectories)
def test_the_mirror_image_swaps_the_directions(line: Line, trajectory: list[Pair]) -> None:
    assume(all(is_clear(line, point) for point in trajectory))
    for tip in (line.points[0], line.points[-1]):  # whether touching the very tip is passing has no mirror image
        assume(all(distance_to_segment(tip, a, b) > 1e-9 for a, b in itertools.pairwise(trajectory)))
    mirrored = counting_line(*[(1 - x, y) for x, y in line.points])
    found = directions(line, trajectory)
    assert directions(mirrored, [(1 - x, y) for x, y in trajectory]) == [*reversed(reverse(found))]


@given(line=lines(), start=anywhere, end=anywhere, steps=st.integers(2, 30), data=st.data())
def test_frames_dropped_from_a_straight_way_change_nothing(
    line: Line, start: Pair, end: Pair, steps: int, data: st.DataObject
) -> None:
    assume(is_clear(line, start) and is_clear(line, end))
    assume(len(line.points) == 2)  # between two frames a bend may be cut off, and with it a real passage
    whole = observed(straight(start, end, steps))
    kept = data.draw(st.sets(st.integers(1, steps - 1)))
    thinned = [observation for i, observation in enumerate(whole) if i in (0, steps) or i in kept]
    full, some = passages(line, whole), passages(line, thinned)
    assert [d for d, _ in full] == [d for d, _ in some]
    assert all(abs(a - b) <= 2 for (_, a), (_, b) in zip(full, some, strict=True))


@given(trajectory=trajectories, start=points, end=points)
def test_whoever_ends_on_the_other_side_crossed_an_odd_number_of_times(
    trajectory: list[Pair], start: Pair, end: Pair
) -> None:
    """A line from border to border of the picture has two sides; where a trajectory ends says how often it crossed."""
    line = counting_line((-1.0, 0.45), (0.3, 0.45), (0.6, 0.7), (2.0, 0.7))
    trajectory = [start, *trajectory, end]
    assume(is_clear(line, start) and is_clear(line, end))
    found = directions(line, trajectory)
    assert (len(found) % 2 == 1) == (_below(start) != _below(end))
    assert all(a != b for a, b in itertools.pairwise(found))  # nobody goes twice to the same side
    if found:
        assert found[0] == ("left-hand" if _below(start) else "right-hand")


def _below(point: Pair) -> bool:
    x, y = point
    border = 0.45 if x <= 0.3 else 0.7 if x >= 0.6 else 0.45 + (x - 0.3) / 0.3 * 0.25
    return y > border


@given(
    trajectory=trajectories,
    centre=st.tuples(st.floats(0.4, 0.6), st.floats(0.4, 0.6)),
    radii=st.lists(st.floats(0.15, 0.35), min_size=3, max_size=3),
    start=points,
    end=points,
)
def test_a_closed_line_counts_as_many_in_as_out_or_one_more(
    trajectory: list[Pair], centre: Pair, radii: list[float], start: Pair, end: Pair
) -> None:
    """A cordon of three pieces around a place: who is in at the end came in once more than out."""
    angles = [2 * math.pi * i / 3 for i in range(3)]
    corners = [(centre[0] + r * math.cos(a), centre[1] + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]
    line = counting_line(*corners, corners[0])
    trajectory = [start, *trajectory, end]
    assume(is_clear(line, start) and is_clear(line, end))
    found = Counter(directions(line, trajectory))
    was_in, is_in = contains(corners, start), contains(corners, end)
    assert found["right-hand"] - found["left-hand"] == is_in - was_in


@given(trajectory=trajectories, mirrored=st.booleans())
def test_visits_follow_each_other_and_fit_into_the_tracks_life(trajectory: list[Pair], mirrored: bool) -> None:
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.5, 0.45), (0.3, 0.7)]
    zone = counting_zone(*(corners[::-1] if mirrored else corners))
    found = stays(zone, observed(trajectory))
    flat = [at_us for entered, left in found for at_us in (entered, left if left is not None else -1)]
    assert flat == sorted(flat)
    assert all(0 <= at_us <= (len(trajectory) - 1) * STEP_US for at_us in flat)
    assert sum(b - a for a, b in found if b is not None) <= (len(trajectory) - 1) * STEP_US


@given(trajectory=trajectories)
def test_whoever_is_clearly_inside_is_on_a_visit_and_clearly_outside_is_not(trajectory: list[Pair]) -> None:
    corners = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]
    found = stays(counting_zone(*corners), observed(trajectory))
    for i, point in enumerate(trajectory):
        if distance_to_border(corners, point) > CLEAR:
            inside = contains(corners, point)
            at_us = i * STEP_US
            on_visit = any(a <= at_us <= b for a, b in found if b is not None)
            assert on_visit == inside


@given(start=anywhere, end=anywhere, steps=st.integers(2, 20), data=st.data())
def test_frames_dropped_from_a_straight_way_keep_the_visits(
    start: Pair, end: Pair, steps: int, data: st.DataObject
) -> None:
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]
    assume(distance_to_border(corners, start) > CLEAR and distance_to_border(corners, end) > CLEAR)
    inside = [p for p in straight(start, end, 500) if contains(corners, p)]
    assume(not inside or max(distance_to_border(corners, p) for p in inside) > CLEAR)  # no shaved corner
    whole = observed(straight(start, end, steps))
    kept = data.draw(st.sets(st.integers(1, steps - 1)))
    thinned = [observation for i, observation in enumerate(whole) if i in (0, steps) or i in kept]
    full, some = stays(counting_zone(*corners), whole), stays(counting_zone(*corners), thinned)
    assert len(full) == len(some) == bool(inside)
    for (a, b), (c, d) in zip(full, some, strict=True):
        assert b is not None
        assert d is not None
        assert abs(a - c) <= 2
        assert abs(b - d) <= 2


CAMERA = Camera(
    "c",
    lines=(
        counting_line((0.5, 0.0), (0.5, 1.0), name="middle"),
        counting_line((0.2, 0.8), (0.5, 0.3), (0.8, 0.8), name="roof"),
    ),
    zones=(counting_zone((0.1, 0.1), (0.4, 0.1), (0.4, 0.9), (0.1, 0.9), name="left"),),
    movements=(
        TurningMovement("away", Gate(PlaceKind.ZONE, "left"), Gate(PlaceKind.LINE, "middle")),
        TurningMovement("around", Gate(PlaceKind.LINE, "middle"), Gate(PlaceKind.LINE, "roof")),
    ),
)


@st.composite
def walkers(draw: st.DrawFn) -> Walker:
    trajectory: list[Pair | None] = list(draw(st.lists(points, min_size=1, max_size=15)))
    for i in draw(st.sets(st.integers(1, 14), max_size=4)):
        if i < len(trajectory):
            trajectory[i] = None
    classes = draw(st.lists(st.sampled_from(("car", "bus")), min_size=len(trajectory), max_size=len(trajectory)))
    seen = sum(point is not None for point in trajectory)
    return Walker(
        trajectory,
        classes,
        final=draw(st.sampled_from(("", "truck", None))),
        enters=draw(st.integers(0, 10)),
        backfilled=draw(st.integers(0, seen - 1)),
    )


parties = st.lists(walkers(), min_size=1, max_size=4)


@given(party=parties, data=st.data())
@settings(deadline=None)
def test_any_restart_and_replay_gives_the_same_rows(party: list[Walker], data: st.DataObject) -> None:
    """Processes come and go; each begins somewhere and gets so far; the last one gets to the end."""
    messages = session(party)
    table = Table()
    for begin, end in data.draw(
        st.lists(st.tuples(st.integers(0, len(messages)), st.integers(0, len(messages))), max_size=3)
    ):
        aggregator = CountingStage([CAMERA])
        for each in messages[begin : max(begin, end)]:
            table.add(aggregator.add(TrackedBatch.of([each])))
    aggregator = CountingStage([CAMERA])
    for each in messages:
        table.add(aggregator.add(TrackedBatch.of([each])))
    assert aggregator.open_tracks == 0
    once = counted(CAMERA, messages)
    assert table.rows == once.rows
    assert table.observed == once.observed


@given(party=parties)
@settings(max_examples=25, deadline=None)
def test_the_store_holds_what_was_counted_and_its_buckets_sum_to_it(party: list[Walker]) -> None:
    table = counted(CAMERA, session(party))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts.db"
        with SqliteStore(path) as store, closing(SqliteReader(path)) as reader:
            for _ in range(2):
                aggregator = CountingStage([CAMERA])
                for each in session(party):
                    store.write(aggregator.add(TrackedBatch.of([each])))
            end_us = START_US + INTERVALS["1d"]
            stored = reader.crossings(["middle", "roof"], 0, end_us, 10_000)
            assert sorted(stored, key=str) == sorted(table.crossings, key=str)
            assert sorted(reader.visits(["left"], 0, end_us), key=str) == sorted(table.of("visit"), key=str)
            assert sorted(reader.movements(0, end_us), key=str) == sorted(table.of("movement"), key=str)
            start_us = START_US // INTERVALS["1d"] * INTERVALS["1d"]
            for interval in INTERVALS:
                volumes = reader.volumes("line", ["middle", "roof"], start_us, start_us + INTERVALS["1d"], interval)
                summed: Counter[tuple[str, str, str]] = Counter()
                for v in volumes:
                    summed[v.place, v.direction, v.road_user] += v.count
                assert summed == Counter((row.line, row.direction, row.road_user) for row in table.crossings)


@given(st.lists(st.integers(1, 3 * MINUTE_US // 1000), min_size=1, max_size=40), st.integers(0, MINUTE_US // 1000))
def test_no_minute_is_observed_for_longer_than_a_minute(gaps_ms: list[int], offset_ms: int) -> None:
    """Whatever the rhythm of the frames; and what was watched is all there."""
    longest_us = 2_000_000
    at_us, total, table = START_US + offset_ms * 1000, 0, Table()
    aggregator = CountingStage([])
    for i, gap_ms in enumerate(gaps_ms):
        at_us += gap_ms * 1000
        span = min(gap_ms * 1000, longest_us)
        total += span
        table.add(aggregator.add(TrackedBatch.of([message(i, captured_at_us=at_us, span_us=span)])))
    table.add(aggregator.add(TrackedBatch.of([message(len(gaps_ms), captured_at_us=at_us, span_us=0, last=True)])))
    assert all(row.observed_us <= MINUTE_US for row in table.observed.values())
    assert sum(row.observed_us for row in table.observed.values()) == total
    assert sum(row.frames for row in table.observed.values()) == len(gaps_ms)
