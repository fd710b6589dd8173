"""The probabilities of classes: what they follow from the names that a network gave."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.class_evidence import FAMILIES, LARGE_PX, SMALL_PX, UNKNOWN_THING, probabilities
from track.tracklet import ClassVotes

NAMES = [name for family in FAMILIES for name in family]
weights = st.dictionaries(st.sampled_from(NAMES), st.floats(0.01, 500), min_size=1)
sides = st.floats(1, 700)


def told(named: dict[str, float], side_px: float = LARGE_PX, size: float | None = None) -> dict[str, float]:
    found = probabilities(named, side_px, size)
    assert found is not None
    return found


@given(weights, sides, st.none() | st.floats(-1, 2))
def test_they_are_probabilities_whatever_was_named(named: dict[str, float], side_px: float, size: float | None) -> None:
    found = told(named, side_px, size)
    assert sum(found.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in found.values())
    assert set(named) <= set(found)


@given(st.sampled_from(NAMES), st.floats(0.1, 20), st.floats(1.1, 10), sides)
def test_who_is_given_one_name_again_and_again_is_surer_to_be_that(
    name: str, weight: float, times: float, side_px: float
) -> None:
    assert told({name: weight * times}, side_px)[name] >= told({name: weight}, side_px)[name]


@given(st.sampled_from(NAMES), st.floats(0.1, 20))
def test_the_name_of_a_small_picture_says_less(name: str, weight: float) -> None:
    assert told({name: weight}, SMALL_PX)[name] < told({name: weight}, LARGE_PX)[name]


def test_a_thousand_pictures_say_little_more_than_a_hundred() -> None:
    """They are pictures of the same vehicle from the same side, and wrong together."""
    few, many = (told({"truck": 0.6 * number, "car": 0.4 * number})["truck"] for number in (100, 1000))
    assert many == pytest.approx(few, abs=0.05)


def test_cars_need_least_evidence_since_most_vehicles_are_cars() -> None:
    assert told({"car": 0.3})["car"] > 0.9
    assert told({"truck": 0.3})["truck"] < 0.5


def test_a_vehicle_that_is_taken_for_a_boat_or_train_is_rather_a_long_one_and_less_sure() -> None:
    plain, doubtful = told({"truck": 1.0}), told({"truck": 1.0, UNKNOWN_THING: 1.5})
    assert doubtful["car"] < plain["car"]
    assert doubtful["bus"] > plain["bus"]


@pytest.mark.parametrize(("size", "named"), [(0.0, "car"), (0.2, "car"), (0.8, "truck")])
def test_the_size_beside_cars_decides_where_the_names_are_divided(size: float, named: str) -> None:
    found = told({"truck": 5.0, "car": 4.0}, LARGE_PX, size)
    assert max(found, key=lambda name: found[name]) == named


def test_riders_and_motor_vehicles_are_not_taken_for_each_other() -> None:
    assert set(told({"cyclist": 1.0})) == {"cyclist", "motorcyclist"}
    assert set(told({"bus": 1.0})) == {"car", "truck", "bus"}


def test_nothing_is_said_of_classes_of_other_models_or_of_nobody() -> None:
    assert probabilities({"van": 3.0, "car": 1.0}, LARGE_PX) is None
    assert probabilities({}, LARGE_PX) is None
    assert probabilities({UNKNOWN_THING: 3.0}, LARGE_PX) is None


def test_votes_weigh_pictures_by_confidence_and_remember_their_size() -> None:
    small, large, merged = ClassVotes(), ClassVotes(), ClassVotes()
    for _ in range(5):
        small.add("truck", 0.5, SMALL_PX)
        large.add("truck", 0.5, LARGE_PX)
        large.add(None, 0.9, LARGE_PX)
    assert small.probabilities() == told({"truck": 1.25}, SMALL_PX)
    assert large.probabilities() == told({"truck": 1.25, UNKNOWN_THING: 5 * 0.9**2}, LARGE_PX)
    merged.merge(small)
    merged.merge(large)
    between = told({"truck": 2.5, UNKNOWN_THING: 5 * 0.9**2}, math.sqrt(SMALL_PX * LARGE_PX))
    assert merged.probabilities() == pytest.approx(between)
    assert large.best == "truck" and large.share("truck") == 1
    assert ClassVotes().probabilities() is None
