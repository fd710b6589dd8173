"""Agreement of counts with manual ones: figures worked out by hand, what follows from them, how they hang together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.local_time import HOUR_US, QUARTER_US
from app.validation.count_agreement import Agreement, State, agreement, geh, worst

GOOD = [12, 15, 18, 20, 22, 16, 14, 11, 13, 17, 19, 15], [11, 15, 17, 22, 21, 14, 14, 10, 13, 18, 18, 15]
LOW = [40, 52, 47, 60, 55, 49, 44, 58, 51, 46, 57, 41], [34, 45, 39, 52, 46, 42, 38, 49, 43, 39, 49, 35]


def quarters(manual: Sequence[int], counted: Sequence[int]) -> Agreement:
    return agreement(manual, counted, [QUARTER_US] * len(manual))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(1100, 1000, 3.086), (120, 100, 1.907), (160, 120, 3.381), (8, 4, 1.633), (10, 0, 4.472), (0, 0, 0)],
)
def test_geh(one: float, other: float, expected: float) -> None:
    assert geh(one, other) == pytest.approx(expected, abs=5e-4)


def test_geh_of_quarter_hours_is_that_of_hourly_volumes() -> None:
    """8 against 4 in a quarter-hour have 2.309 as volumes of an hour: below 5; 40 against 20 have 7.303."""
    assert quarters([8, 40], [4, 20]).geh_share == 0.5
    assert agreement([40], [20], [HOUR_US]).geh_share == 1.0


def test_a_good_count_is_validated_and_needs_no_factor() -> None:
    good = quarters(*GOOD)
    assert (round(100 * (good.wape or 0), 2), round(100 * (good.bias or 0), 2)) == (5.21, -2.08)
    assert [round(each or 0, 4) for each in (good.ratio, good.ratio_low, good.ratio_high)] == [1.0213, 0.9762, 1.0663]
    assert good.state == State.VALIDATED
    assert good.offered_factor is None


def test_an_even_undercount_passes_with_reservations_and_a_factor_is_offered() -> None:
    low = quarters(*LOW)
    assert (round(100 * (low.wape or 0), 2), round(100 * (low.bias or 0), 2)) == (14.83, -14.83)
    assert [round(each or 0, 4) for each in (low.ratio, low.ratio_low, low.ratio_high)] == [1.1742, 1.1636, 1.1848]
    assert low.state == State.RESERVATIONS
    assert low.offered_factor is not None
    assert round(300 * low.offered_factor, 2) == 352.25


@pytest.mark.parametrize("intervals", [1, 8, 11])
def test_nothing_follows_from_few_intervals(intervals: int) -> None:
    few = quarters(LOW[0][:intervals], LOW[1][:intervals])
    assert not few.enough
    assert few.state == State.NOT_VALIDATED
    assert few.offered_factor is None


def test_nothing_follows_from_few_road_users() -> None:
    few = quarters([8] * 11 + [11], [8] * 12)
    assert (few.intervals, few.manual, few.enough, few.state) == (12, 99, False, State.NOT_VALIDATED)
    assert quarters([8] * 11 + [12], [8] * 12).state == State.VALIDATED


@pytest.mark.parametrize(
    ("counted", "state"),
    [
        (100, State.VALIDATED),
        (95, State.VALIDATED),
        (94, State.RESERVATIONS),
        (85, State.RESERVATIONS),
        (84, State.DO_NOT_USE),
        (116, State.DO_NOT_USE),
        (60, State.DO_NOT_USE),
        (0, State.DO_NOT_USE),
    ],
)
def test_the_state_follows_from_wape_and_bias(counted: int, state: State) -> None:
    found = quarters([100] * 12, [counted] * 12)
    assert found.state == state
    if state == State.DO_NOT_USE:
        assert found.offered_factor is None, "it is repaired and counted again, never corrected"


def test_errors_that_cancel_are_errors() -> None:
    found = quarters([100, 100] * 6, [130, 70] * 6)
    assert (found.bias, found.wape, found.state) == (0, 0.3, State.DO_NOT_USE)


def test_a_street_on_which_nobody_went() -> None:
    """Zero against zero is a pair; what would be divided by nobody is unknown."""
    empty = quarters([0] * 12, [0] * 12)
    assert (empty.wape, empty.bias, empty.mape, empty.ratio, empty.correlation) == (None,) * 5
    assert (empty.rmse, empty.geh_share, empty.state) == (0, 1, State.NOT_VALIDATED)
    seen = quarters([0] * 12, [1] * 12)
    assert (seen.wape, seen.ratio, seen.state) == (None, 0, State.NOT_VALIDATED)


def test_zeros_are_left_out_of_the_mean_percentage_alone() -> None:
    found = quarters([0, 10], [2, 9])
    assert found.mape == pytest.approx(0.1)
    assert found.wape == pytest.approx(0.3)


def test_the_worst_state_is_that_of_all_together() -> None:
    assert worst([State.VALIDATED, State.DO_NOT_USE, State.NOT_VALIDATED]) == State.DO_NOT_USE
    assert worst([State.VALIDATED, State.NOT_VALIDATED]) == State.NOT_VALIDATED
    assert worst([]) == State.NOT_VALIDATED


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=60))
def test_figures_hang_together(pairs: list[tuple[int, int]]) -> None:
    found = quarters([one for one, _ in pairs], [own for _, own in pairs])
    if found.wape is not None and found.bias is not None:
        assert abs(found.bias) <= found.wape + 1e-9
        assert found.counted == pytest.approx(found.manual * (1 + found.bias))
    if found.ratio_low is not None and found.ratio is not None and found.ratio_high is not None:
        assert found.ratio_low <= found.ratio <= found.ratio_high
    if found.correlation is not None:
        assert -1 - 1e-9 <= found.correlation <= 1 + 1e-9
    if found.offered_factor is not None:
        assert found.state in (State.VALIDATED, State.RESERVATIONS)
