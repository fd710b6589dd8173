"""The compiled arithmetic is that of `aforo.geometry`, and of Python itself, bit by bit."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from interpreters import outputs_compiled_and_interpreted

from aforo.geometry import contains, intersection
from aggregate.counting import lines_and_zones

# On a grid, so that ways touch corners and run along edges; and anywhere.
numbers = st.one_of(st.integers(0, 8).map(lambda n: n / 8), st.floats(0, 1))
points = st.tuples(numbers, numbers)

COUNT = """
import hashlib, random
from trajectories import Walker, counting_line, counting_zone, session
from aforo.bus import wire
from aggregate.counting.counter import CountingStage
from aforo.site import Camera

rng, told = random.Random(1), hashlib.sha256()
near = lambda: rng.choice((0.3, 0.5, 0.7, rng.random()))
lines = [counting_line((0.5, 0.1), (0.5, 0.9)), counting_line((0.2, 0.3), (0.5, 0.5), (0.8, 0.3), name="bent")]
zones = [counting_zone((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))]
for number in range(12):
    aggregator = CountingStage([Camera("c", tuple(lines), tuple(zones))])
    walkers = [Walker([(near(), near()) for _ in range(rng.randint(1, 30))]) for _ in range(5)]
    batch, _, _ = wire.decode_all([wire.encode(frame, i) for i, frame in enumerate(session(walkers))])
    told.update(repr(aggregator.add(batch)).encode())
print(told.hexdigest())
"""


@given(points, points, points, points)
def test_ways_meet_edges_where_geometry_says(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> None:
    shares = intersection(a, b, c, d)
    assert lines_and_zones.intersection_share(*a, *b, *c, *d) == (-1.0 if shares is None else shares[0])


@given(st.lists(points, min_size=3, max_size=6), points, st.sampled_from((1.0, 1.5, 16 / 9)))
def test_zones_contain_what_geometry_says(
    corners: list[tuple[float, float]], point: tuple[float, float], aspect: float
) -> None:
    scaled = [(x * aspect, y) for x, y in corners]
    assert lines_and_zones.contains(np.array(corners), aspect, *point) == contains(scaled, point)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from((0, 1, 2**40, 2**63))), max_size=60))
def test_rows_are_put_together_by_track(rows: list[tuple[int, int]]) -> None:
    session, track_id = np.array(rows, np.uint64).reshape(-1, 2).T
    order, starts = lines_and_zones.grouped(session.astype(np.int64), np.ascontiguousarray(track_id))
    found = [[rows[row] for row in order[start:stop]] for start, stop in itertools.pairwise(starts)]
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert [group[0] for group in found] == list(dict.fromkeys(rows))
    for group, (start, stop) in zip(found, itertools.pairwise(starts), strict=True):
        assert len(set(group)) == 1
        assert sorted(order[start:stop]) == order[start:stop].tolist()


def test_compiled_and_interpreted_count_the_same() -> None:
    digests = outputs_compiled_and_interpreted(COUNT)
    assert len(digests) == 1
