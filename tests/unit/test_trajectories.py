"""Trajectories as they are kept: how far they may be from where the road user was, and their bytes."""

from __future__ import annotations

import itertools
import math
import random
import struct

import pytest
from trajectories import observed, positions

from aforo.model import Box, PastPosition, TrackKey
from aggregate.counting.trajectories import (
    TOLERANCE,
    TrajectoryRecorder,
    finished,
    pack_trajectories,
    unpack_trajectory,
)

ASPECT = 1.6
_POINT = struct.Struct("<q4d")


def points(trajectory: bytes) -> list[tuple[int, ...]]:
    return list(_POINT.iter_unpack(trajectory))


def recorded(trajectory: list[PastPosition], batch: int = 1) -> bytes:
    recorder = TrajectoryRecorder(ASPECT)
    for start in range(0, len(trajectory), batch):
        recorder.extend(positions(trajectory[start : start + batch]))
    (found,) = finished([(TrackKey("c", "s", 1), "car", recorder)])
    assert (found.started_at_us, found.ended_at_us) == (trajectory[0].at_us, trajectory[-1].at_us)
    return found.points


def wandering(seed: int, steps: int) -> list[PastPosition]:
    """Goes, turns and stands; the box trembles."""
    rng, x, y, heading = random.Random(seed), 0.5, 0.5, 0.0
    trajectory = []
    for _ in range(steps):
        heading += rng.gauss(0, 0.2)
        pace = rng.choice((0.0, 0.003))
        x, y = x + pace * math.cos(heading) + rng.gauss(0, 1e-4), y + pace * math.sin(heading) + rng.gauss(0, 1e-4)
        trajectory.append((x, y))
    return observed(trajectory, width=0.05, height=0.1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("steps", [1, 2, 3, 50, 700])
def test_every_edge_stays_within_the_tolerance(seed: int, steps: int) -> None:
    trajectory = wandering(seed, steps)
    ends = points(recorded(trajectory))
    assert ends[0] == (trajectory[0].at_us, *trajectory[0].box)
    assert ends[-1] == (trajectory[-1].at_us, *trajectory[-1].box)
    for (t0, *a), (t1, *b) in itertools.pairwise(ends):
        for at_us, box in trajectory:
            if t0 <= at_us <= t1:
                share = (at_us - t0) / (t1 - t0)
                allowed = TOLERANCE * (box.width * ASPECT + box.height) / 2
                for scale, edge, p, q in zip((ASPECT, 1.0) * 2, box, a, b, strict=True):
                    assert abs(edge - (p + share * (q - p))) * scale <= allowed * 1.000001


def test_a_straight_trajectory_keeps_its_ends() -> None:
    trajectory = observed([(0.1 + i / 1000, 0.5) for i in range(200)])
    assert len(points(recorded(trajectory))) == 2


@pytest.mark.parametrize("batch", [2, 255, 256, 257, 700])
def test_the_trajectory_does_not_depend_on_how_many_positions_come_at_once(batch: int) -> None:
    trajectory = wandering(1, 700)
    assert recorded(trajectory, batch) == recorded(trajectory)


def test_bytes_keep_times_and_an_eighth_of_a_pixel() -> None:
    trajectories = [recorded(wandering(seed, steps)) for seed, steps in enumerate((1, 2, 700, 90))]
    for trajectory, packed in zip(trajectories, pack_trajectories(trajectories), strict=True):
        for (at_us, *box), (at, *found) in zip(points(trajectory), points(unpack_trajectory(packed)), strict=True):
            assert at == at_us
            assert found == pytest.approx(box, abs=0.5001 / 16_384)


def test_bytes_do_not_depend_on_the_other_trajectories() -> None:
    trajectories = [recorded(wandering(seed, 60)) for seed in range(4)]
    assert pack_trajectories(trajectories) == [pack_trajectories([trajectory])[0] for trajectory in trajectories]


def test_bytes_of_another_format_are_refused() -> None:
    with pytest.raises(ValueError, match="got format 9"):
        unpack_trajectory(bytes([9]) + pack_trajectories([recorded(wandering(1, 3))])[0][1:])


def test_who_stands_for_hours_keeps_its_time() -> None:
    """The format has room for steps of 35 minutes; a longer one gets positions in between."""
    hour_us, box = 3_600_000_000, (0.25, 0.25, 0.5, 0.75)
    trajectory = positions([PastPosition(at_us, Box(*box)) for at_us in (7, 7 + 30 * hour_us, 9 + 30 * hour_us)])
    (data,) = pack_trajectories([trajectory])
    found = points(unpack_trajectory(data))
    assert (found[0], found[-1]) == ((7, *box), (9 + 30 * hour_us, *box))
    assert (7 + 30 * hour_us, *box) in found
    assert {tuple(edges) for _, *edges in found} == {box}
    assert len(found) < 60
