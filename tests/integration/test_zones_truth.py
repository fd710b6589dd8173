"""Visits to zones against published truth: how many entered, how many were there, how long they stayed."""

from __future__ import annotations

from pathlib import Path

import pytest
from zones import ZONES, Use, compared

pytestmark = [pytest.mark.shared_data, pytest.mark.model, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def uses(shared_data: Path, sample_video: Path) -> dict[tuple[str, str], tuple[Use, Use]]:
    """(true, counted) of every zone; the sample video is in place."""
    assert sample_video.is_file()
    return compared(shared_data / "mot", shared_data / "clips")


@pytest.mark.parametrize("zone", list(ZONES["PETS09-S2L1"]))
def test_zones_of_a_square_seen_from_above(uses: dict[tuple[str, str], tuple[Use, Use]], zone: str) -> None:
    true, counted = uses["PETS09-S2L1", zone]
    assert abs(counted.entries - true.entries) <= 0.25 * true.entries, f"true {true}, counted {counted}"
    assert counted.presence == pytest.approx(true.presence, rel=0.08)
    assert counted.dwell_s == pytest.approx(true.dwell_s, rel=0.25)


def test_entries_of_all_zones_of_the_square_together(uses: dict[tuple[str, str], tuple[Use, Use]]) -> None:
    pairs = [pair for (name, _), pair in uses.items() if name == "PETS09-S2L1"]
    error = sum(abs(counted.entries - true.entries) for true, counted in pairs)
    assert error <= 0.15 * sum(true.entries for true, _ in pairs), pairs


def test_presence_on_a_crowded_pavement_at_street_level(uses: dict[tuple[str, str], tuple[Use, Use]]) -> None:
    """People hide each other there, so single visits are cut and moved from zone to zone: only the sum is good."""
    pairs = [pair for (name, _), pair in uses.items() if name == "TUD-Stadtmitte"]
    assert sum(counted.presence for _, counted in pairs) == pytest.approx(
        sum(true.presence for true, _ in pairs), rel=0.1
    )
