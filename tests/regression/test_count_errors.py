"""Counts of real recordings against hand counts: the errors never get more than they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from analysed_clips import Analysed

from aforo.evaluate import LineResult, Truth, by_class, wape

pytestmark = [pytest.mark.shared_data, pytest.mark.model, pytest.mark.timeout(900)]


def shown(results: list[LineResult]) -> str:
    """Where the errors are."""
    wrong = [
        f"{result.truth.clip} {result.truth.line_px}: {direction} {road_user}: true {true}, counted {counted}"
        for result in results
        for direction, road_user, true, counted in result.rows
        if true != counted
    ]
    return "; ".join(wrong) or "no errors"


def test_the_sample_video(analysed: Callable[[str], Analysed], figures: dict[str, Any]) -> None:
    """32 passages of 18 people who meet, turn and come back; per direction, so that errors do not cancel."""
    (result,) = analysed("vtest.avi").results
    assert result.truth.total == 32
    assert result.error <= figures["vtest_errors"], (
        f"{result.error} errors, stored figure {figures['vtest_errors']}: {shown([result])}"
    )


def test_all_recordings_together(
    analysed: Callable[[str], Analysed], truths: list[Truth], figures: dict[str, Any]
) -> None:
    results = [result for clip in dict.fromkeys(truth.clip for truth in truths) for result in analysed(clip).results]
    now = wape(results)
    assert now <= figures["wape"] + 5e-5, f"WAPE {now:.4f}, stored figure {figures['wape']:.4f}: {shown(results)}"
    print(f"WAPE {now:.4f}, stored figure {figures['wape']:.4f}; {by_class(results)}")


@pytest.mark.parametrize("clip", ["intel_pbc.mp4", "otc_cars-cyclist.mp4", "bgs_avenue.avi"])
def test_a_sound_clip_has_no_problem(analysed: Callable[[str], Analysed], clip: str) -> None:
    """Also the one whose header promises a few frames more than there are."""
    assert analysed(clip).problem == ""
