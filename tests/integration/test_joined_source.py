"""A recording in several files: order, seams, gaps and what is no such recording."""

from __future__ import annotations

import itertools
import os
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_video import write_video

from aforo.clock import ManualClock
from aforo.errors import SourceError
from aforo.model import MICROSECONDS, Frame
from aforo.session_names import reading_of
from ingest.capture import VideoFacts, probe
from ingest.file_source import RecordedSource
from ingest.joined_source import JoinedSource
from ingest.recording_files import SEAM_US, FilePart, in_time_order

START_US = 1_772_695_800_000_000  # 2026-03-05T07:30:00Z
PERIOD_US = 100_000  # of the painted videos


def joined(parts: list[FilePart], **options: object) -> JoinedSource:
    def open_part(part: FilePart) -> RecordedSource:
        return RecordedSource(
            part.path,
            "north",
            starts_at_us=part.starts_at_us,
            timezone=UTC,
            clock=ManualClock(),
            **options,  # type: ignore[arg-type]
        )

    return JoinedSource(parts, open_part, timezone=UTC)


def seconds(frames: list[Frame]) -> list[float]:
    return [(frame.captured_at_us - START_US) / MICROSECONDS for frame in frames]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of two seconds: the second follows the first, and the third comes ten seconds after it."""
    path = tmp_path_factory.mktemp("parts")
    for name in ("cam_20260305T073000Z.avi", "cam_20260305T073002Z.avi", "cam_20260305T073014Z.avi"):
        write_video(path / name)
    return path


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_names_tell_the_order_whatever_order_they_are_given_in(folder: Path, order: tuple[int, ...]) -> None:
    paths = sorted(folder.iterdir())
    parts = in_time_order([probe(paths[i]) for i in order], [], UTC)
    assert [part.path for part in parts] == paths
    frames = list(joined(parts).frames())
    assert seconds(frames) == pytest.approx([n / 10 for n in range(40)] + [14 + n / 10 for n in range(20)])
    assert [frame.index for frame in frames] == list(range(60))


def test_a_file_that_follows_continues_the_session_and_one_after_a_gap_begins_another(folder: Path) -> None:
    source = joined(in_time_order([probe(path) for path in sorted(folder.iterdir())], [], UTC))
    sessions = [frame.session for frame in source.frames()]
    assert len(set(sessions[:40])) == 1
    assert len(set(sessions[40:])) == 1
    assert sessions[0] != sessions[-1]
    assert reading_of(sessions[0]) == reading_of(sessions[-1]) is not None
    assert (source.frames_read, source.problem) == (60, None)


@settings(max_examples=8, deadline=None)
@given(gaps_us=st.lists(st.integers(-SEAM_US, 4 * SEAM_US), min_size=2, max_size=2))
def test_times_rise_and_only_a_gap_ends_the_session(folder: Path, gaps_us: list[int]) -> None:
    paths = sorted(folder.iterdir())
    starts = list(itertools.accumulate([START_US, *(20 * PERIOD_US + gap for gap in gaps_us)]))
    parts = [FilePart(path, start) for path, start in zip(paths, starts, strict=True)]
    try:
        frames = list(joined(parts).frames())
    except SourceError as error:  # a second overlap on top of one that was put right
        assert "before" in str(error)
        return
    times = [frame.captured_at_us for frame in frames]
    assert times == sorted(set(times))
    for before, after in itertools.pairwise(frames):
        gap_us = after.captured_at_us - before.captured_at_us - PERIOD_US
        assert (before.session == after.session) == (gap_us <= SEAM_US)


def test_files_without_start_follow_on_in_the_order_given(tmp_path: Path) -> None:
    paths = [write_video(tmp_path / name) for name in ("b.avi", "a.avi")]
    facts = [probe(path) for path in paths]
    for starts in ([], [START_US]):
        parts = in_time_order(facts, starts, UTC)
        assert [part.path for part in parts] == paths
        frames = list(joined([FilePart(paths[0], START_US), *parts[1:]]).frames())
        assert seconds(frames) == pytest.approx([n / 10 for n in range(40)])
        assert len({frame.session for frame in frames}) == 1


def test_a_start_for_each_file_goes_before_their_names(folder: Path) -> None:
    facts = [probe(path) for path in sorted(folder.iterdir())]
    late_first = [START_US + 10 * MICROSECONDS, START_US, START_US + 2 * MICROSECONDS]
    parts = in_time_order(facts, late_first, UTC)
    assert [part.path for part in parts] == [facts[1].path, facts[2].path, facts[0].path]


def test_closing_ends_all_files(folder: Path) -> None:
    source = joined(in_time_order([probe(path) for path in sorted(folder.iterdir())], [], UTC))
    frames = []
    for frame in source.frames():
        frames.append(frame)
        source.close()
    assert len(frames) == 1


def refused(folder: Path, kind: str) -> tuple[list[Path], list[int]]:
    first = write_video(folder / "a_20260305T073000Z.avi")
    match kind:
        case "twice":
            return [first, folder / "." / first.name], []
        case "linked":
            os.link(first, folder / "b.avi")
            return [first, folder / "b.avi"], []
        case "size":
            return [first, write_video(folder / "b_20260305T073002Z.avi", width=320)], []
        case "overlap":
            return [write_video(folder / "b_20260305T073000Z.avi"), first], []
        case "overlap by option":
            return [first, write_video(folder / "b.avi")], [START_US, START_US + 100_000]
        case _:
            return [first, write_video(folder / "b.avi")], []


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("twice", "is given twice"),
        ("linked", "b.avi is given twice"),
        ("size", "b_20260305T073002Z.avi has pictures of 320×120 pixels and a_20260305T073000Z.avi of 160×120"),
        ("overlap", "begins at 2026-03-05T07:30:00+00:00, before"),
        ("overlap by option", "b.avi begins at 2026-03-05T07:30:00+00:00, before a_20260305T073000Z.avi ends at"),
        ("half told", "neither name nor container of b.avi tells when it begins"),
    ],
)
def test_files_that_are_not_one_recording_are_refused(tmp_path: Path, kind: str, sentence: str) -> None:
    paths, starts = refused(tmp_path, kind)
    with pytest.raises(SourceError, match=sentence.replace("+", r"\+")):
        in_time_order([probe(path) for path in paths], starts, UTC)


def test_a_header_that_says_too_little_hides_no_overlap(folder: Path) -> None:
    facts = [VideoFacts(path, 160, 120, 10.0, None) for path in sorted(folder.iterdir())][:2]
    parts = in_time_order(facts, [START_US, START_US + 100_000], UTC)
    with pytest.raises(SourceError, match=r"before cam_20260305T073000Z\.avi ends"):
        list(joined(parts).frames())
