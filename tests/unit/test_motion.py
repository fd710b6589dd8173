"""The filters of motion: where boxes are expected, after any time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from track.motion import MotionBank


def box(x: float, y: float, width: float = 40, height: float = 80) -> list[float]:
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def followed(times: list[float], speed: float, size: tuple[float, float] = (40, 80)) -> MotionBank:
    """One track seen at those times, going evenly to the right from x = 100."""
    bank = MotionBank()
    bank.add(np.array([box(100 + speed * times[0], 200, *size)]))
    for before, now in itertools.pairwise(times):
        bank.predict(now - before)
        bank.correct(np.array([0]), np.array([box(100 + speed * now, 200, *size)]))
    return bank


def test_what_has_just_appeared_is_expected_where_it_was() -> None:
    bank = followed([0.0], 50)
    bank.predict(0.1)
    assert bank.boxes[0] == pytest.approx(box(100, 200))


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([0.1 * i for i in range(15)], id="ten per second"),
        pytest.param([0.2 * i for i in range(8)], id="five per second"),
        pytest.param([0.0, 0.04, 0.2, 0.24, 0.5, 0.9, 0.95, 1.2, 1.5], id="irregular"),
    ],
)
def test_even_motion_is_learnt_at_any_frame_rate(times: list[float]) -> None:
    bank = followed(times, speed=150)
    assert bank.speed[0, 0] == pytest.approx(150, rel=0.03)
    bank.predict(0.3)
    assert bank.boxes[0] == pytest.approx(box(100 + 150 * (times[-1] + 0.3), 200), abs=3)


def test_a_long_step_is_as_good_as_many_short_ones() -> None:
    once, often = followed([0.0, 0.1, 0.2, 0.3], 80), followed([0.0, 0.1, 0.2, 0.3], 80)
    once.predict(0.4)
    for _ in range(4):
        often.predict(0.1)
    assert once.place == pytest.approx(often.place, abs=0.5)


def test_doubt_grows_while_nothing_is_seen_and_shrinks_with_every_look() -> None:
    bank = followed([0.0, 0.1, 0.2], 0)
    before = bank.variance[0, 0]
    bank.predict(0.5)
    unseen = bank.variance[0, 0]
    bank.correct(np.array([0]), np.array([box(100, 200)]))
    assert unseen > before
    assert bank.variance[0, 0] < unseen


def test_large_and_small_road_users_are_treated_alike() -> None:
    times = [0.1 * i for i in range(6)]
    small, large = followed(times, 50), followed(times, 500, (400, 800))
    small.predict(0.2)
    large.predict(0.2)
    assert large.place[0, 0] - 100 == pytest.approx(10 * (small.place[0, 0] - 100))
    assert large.variance[0, 0] == pytest.approx(100 * small.variance[0, 0])


def test_growth_is_soon_forgotten_and_no_box_vanishes() -> None:
    bank = MotionBank()
    bank.add(np.array([box(100, 100, 80, 80)]))
    for i in range(1, 6):
        bank.predict(0.1)
        bank.correct(np.array([0]), np.array([box(100, 100, 80 - 14 * i, 80 - 14 * i)]))
    bank.predict(0.5)
    bank.predict(10.0)
    assert (bank.place[0, 2:] >= 2).all()
    assert abs(bank.speed[0, 2:]).max() < 1e-3


def test_no_time_changes_nothing() -> None:
    bank = followed([0.0, 0.1], 50)
    place, variance = bank.place.copy(), bank.variance.copy()
    bank.predict(0.0)
    assert (bank.place == place).all()
    assert (bank.variance == variance).all()


def test_rows_are_kept_and_forgotten_together() -> None:
    bank = MotionBank()
    bank.add(np.array([box(10, 10), box(20, 20), box(30, 30)]))
    bank.keep(np.array([True, False, True]))
    assert len(bank) == 2
    assert bank.place[:, 0].tolist() == [10, 30]
    assert len(bank.speed) == len(bank.variance) == 2
