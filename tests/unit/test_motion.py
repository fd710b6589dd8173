"""The filters of motion: where boxes are expected, after any time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from track import motion
from track.motion import MOTION, Filters, empty_filters, selected, with_tracks_added


def box(x: float, y: float, width: float = 40, height: float = 80) -> list[float]:
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def filters_at(*boxes: list[float]) -> Filters:
    """Those of tracks that have just appeared."""
    return with_tracks_added(empty_filters(), np.array(boxes))


def predict(filters: Filters, seconds: float) -> None:
    motion.predict(filters, seconds, MOTION)


def see(filters: Filters, found: list[float]) -> None:
    """The first track is seen there."""
    motion.correct(filters, np.array([0]), np.array([found]), MOTION)


def expected(filters: Filters) -> list[float]:
    """Where the first track is believed to be."""
    return box(*filters.position[0])


def followed(times: list[float], velocity: float, size: tuple[float, float] = (40, 80)) -> Filters:
    """One track seen at those times, going evenly to the right from x = 100."""
    filters = filters_at(box(100 + velocity * times[0], 200, *size))
    for before, now in itertools.pairwise(times):
        predict(filters, now - before)
        see(filters, box(100 + velocity * now, 200, *size))
    return filters


def test_what_has_just_appeared_is_expected_where_it_was() -> None:
    filters = followed([0.0], 50)
    predict(filters, 0.1)
    assert expected(filters) == pytest.approx(box(100, 200))


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([0.1 * i for i in range(15)], id="ten per second"),
        pytest.param([0.2 * i for i in range(8)], id="five per second"),
        pytest.param([0.0, 0.04, 0.2, 0.24, 0.5, 0.9, 0.95, 1.2, 1.5], id="irregular"),
    ],
)
def test_even_motion_is_learnt_at_any_frame_rate(times: list[float]) -> None:
    filters = followed(times, velocity=150)
    assert filters.velocity[0, 0] == pytest.approx(150, rel=0.03)
    predict(filters, 0.3)
    assert expected(filters) == pytest.approx(box(100 + 150 * (times[-1] + 0.3), 200), abs=3)


def test_a_long_step_is_as_good_as_many_short_ones() -> None:
    once, often = followed([0.0, 0.1, 0.2, 0.3], 80), followed([0.0, 0.1, 0.2, 0.3], 80)
    predict(once, 0.4)
    for _ in range(4):
        predict(often, 0.1)
    assert once.position == pytest.approx(often.position, abs=0.5)


def test_doubt_grows_while_nothing_is_seen_and_shrinks_with_every_look() -> None:
    filters = followed([0.0, 0.1, 0.2], 0)
    before = filters.variance[0, 0]
    predict(filters, 0.5)
    unseen = filters.variance[0, 0]
    see(filters, box(100, 200))
    assert unseen > before
    assert filters.variance[0, 0] < unseen


def test_large_and_small_road_users_are_treated_alike() -> None:
    times = [0.1 * i for i in range(6)]
    small, large = followed(times, 50), followed(times, 500, (400, 800))
    predict(small, 0.2)
    predict(large, 0.2)
    assert large.position[0, 0] - 100 == pytest.approx(10 * (small.position[0, 0] - 100))
    assert large.variance[0, 0] == pytest.approx(100 * small.variance[0, 0])


def test_growth_is_soon_forgotten_and_no_box_vanishes() -> None:
    filters = filters_at(box(100, 100, 80, 80))
    for i in range(1, 6):
        predict(filters, 0.1)
        see(filters, box(100, 100, 80 - 14 * i, 80 - 14 * i))
    predict(filters, 0.5)
    predict(filters, 10.0)
    assert (filters.position[0, 2:] >= 2).all()
    assert abs(filters.velocity[0, 2:]).max() < 1e-3


def test_no_time_changes_nothing() -> None:
    filters = followed([0.0, 0.1], 50)
    position, variance = filters.position.copy(), filters.variance.copy()
    predict(filters, 0.0)
    assert (filters.position == position).all()
    assert (filters.variance == variance).all()


def test_rows_are_kept_and_forgotten_together() -> None:
    kept = selected(filters_at(box(10, 10), box(20, 20), box(30, 30)), np.array([True, False, True]))
    assert kept.position[:, 0].tolist() == [10, 30]
    assert {each.shape for each in kept} == {(2, 4)}


def test_new_tracks_come_after_those_that_are_there() -> None:
    before = followed([0.0, 0.1, 0.2], 50)
    after = with_tracks_added(before, np.array([box(500, 300)]))
    assert all((now[:1] == then).all() for now, then in zip(after, before, strict=True))
    assert after.position[1].tolist() == [500, 300, 40, 80]
