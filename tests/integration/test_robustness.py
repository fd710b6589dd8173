"""Real clips as another camera would have seen them: mirrored, faster, slower, with frames missing, the line moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from recorded import Recorded, counted, recorded

from app.validation.truth import LineResult, LineTruth, load_truth, wape

pytestmark = [pytest.mark.shared_data, pytest.mark.model, pytest.mark.timeout(1800)]

FEW = 0.05
"""The share of all road users by which counts may differ."""

Clip = tuple[Path, list[LineTruth]]
Change = Callable[[Recorded], Recorded]


@pytest.fixture(scope="module")
def short_clips(shared_data: Path) -> list[Clip]:
    """The clips that the network is soon through with."""
    return _clips(shared_data, lambda name: name.startswith(("intel", "otc")))


@pytest.fixture(scope="module")
def all_clips(shared_data: Path, sample_video: Path) -> Iterator[list[Clip]]:
    clips = _clips(shared_data, lambda _: True)
    yield [(sample_video if path.name == sample_video.name else path, truths) for path, truths in clips]


def _clips(shared_data: Path, wanted: Callable[[str], bool]) -> list[Clip]:
    truths = load_truth(shared_data / "groundtruth.json")
    names = [name for name in dict.fromkeys(truth.clip for truth in truths) if wanted(name)]
    return [(shared_data / "clips" / name, [truth for truth in truths if truth.clip == name]) for name in names]


def results(clips: list[Clip], change: Change | None = None, variant: str = "as it is") -> list[LineResult]:
    """The counts of all lines, those of mirrored clips with their directions put back."""
    found = []
    for path, truths in clips:
        seen = _recorded(path, variant)
        found += counted(change(seen) if change else seen, truths, flip=variant == "mirror")
    return found


@cache
def _recorded(path: Path, variant: str) -> Recorded:
    return recorded(path, variant)


def difference(before: list[LineResult], after: list[LineResult]) -> float:
    """Σ|after − before| as a share of all road users, over every line, direction and class."""
    total = sum(result.truth.total for result in before)
    changed = sum(
        abs(a.counted.get(key, 0) - b.counted.get(key, 0))
        for a, b in zip(after, before, strict=True)
        for key in {*a.counted, *b.counted}
    )
    return changed / total


def test_mirrored_detections_give_exactly_the_mirrored_counts(short_clips: list[Clip]) -> None:
    for path, truths in short_clips:
        seen = _recorded(path, "as it is")
        straight, mirrored = counted(seen, truths), counted(seen.mirrored(), truths, flip=True)
        assert [dict(each.counted) for each in mirrored] == [dict(each.counted) for each in straight], path.name


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_half_and_double_speed_give_the_same_counts(short_clips: list[Clip], factor: float) -> None:
    assert difference(results(short_clips), results(short_clips, lambda seen: seen.at_speed(factor))) <= FEW


@pytest.mark.parametrize("every", [3, 5])
def test_dropped_frames_give_the_same_counts(short_clips: list[Clip], every: int) -> None:
    dropped = results(short_clips, lambda seen: seen.without(lambda index: index % every == 0))
    assert difference(results(short_clips), dropped) <= FEW


@pytest.mark.slow
def test_a_mirrored_video_gives_the_mirrored_counts(all_clips: list[Clip]) -> None:
    assert difference(results(all_clips), results(all_clips, variant="mirror")) <= FEW


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_all_clips_at_half_and_double_speed(all_clips: list[Clip], factor: float) -> None:
    assert difference(results(all_clips), results(all_clips, lambda seen: seen.at_speed(factor))) <= FEW


@pytest.mark.slow
def test_five_frames_a_second_are_enough(all_clips: list[Clip]) -> None:
    low = results(all_clips, lambda seen: seen.every(max(1, round(seen.frame_rate / 5))))
    assert wape(low) <= 0.04


@pytest.mark.slow
@pytest.mark.parametrize("x", [310, 330, 350, 370])
def test_the_line_may_stand_a_little_elsewhere(all_clips: list[Clip], x: float) -> None:
    """The truth of the sample video is the same for any x from 300 to 380."""
    (clip,) = [each for each in all_clips if each[0].name == "vtest.avi"]
    moved = [replace(truth, line_px=((x, 120), (x, 576))) for truth in clip[1]]
    assert wape(results([(clip[0], moved)])) <= 0.1
