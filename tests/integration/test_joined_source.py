"""A recording in several files: order, seams, gaps and what is no such recording."""

from __future__ import annotations

import itertools
import json
import os
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_video import write_video

from aforo.address import Address
from aforo.camera_state import ProblemError
from aforo.clock import ManualClock
from aforo.config.reading import parse_site
from aforo.errors import SourceError
from aforo.model import MICROSECONDS, Frame
from aforo.session_names import reading_of
from ingest.capture import VideoFacts, probe
from ingest.file_source import RecordedSource
from ingest.joined_source import JoinedSource
from ingest.open_source import open_source
from ingest.recording_files import SEAM_US, FilePart, in_time_order

START_US = 1_772_695_800_000_000  # 2026-03-05T07:30:00Z
PERIOD_US = 100_000  # of the painted videos


def joined(parts: list[FilePart], *, repeat: bool = False, **options: object) -> JoinedSource:
    def open_part(part: FilePart) -> RecordedSource:
        return RecordedSource(
            part.path,
            "north",
            starts_at_us=part.starts_at_us,
            timezone=UTC,
            clock=ManualClock(),
            **options,  # type: ignore[arg-type]
        )

    return JoinedSource("north", lambda: parts, open_part, timezone=UTC, clock=ManualClock(), repeat=repeat)


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


def test_each_round_of_a_repeated_recording_goes_on_where_the_one_before_it_ended(folder: Path) -> None:
    source = joined(in_time_order([probe(path) for path in sorted(folder.iterdir())], [], UTC), repeat=True)
    frames = list(itertools.islice(source.frames(), 150))
    source.close()
    once = [n / 10 for n in range(40)] + [14 + n / 10 for n in range(20)]
    assert seconds(frames) == pytest.approx([16 * (n // 60) + once[n % 60] for n in range(150)])
    assert [frame.index for frame in frames] == [n % 60 for n in range(150)]
    stretches = [len(list(same)) for _, same in itertools.groupby(frame.session for frame in frames)]
    assert stretches == [40, 20, 40, 20, 30]
    sessions = {frame.session for frame in frames}
    assert len(sessions) == 5
    assert len({reading_of(session) for session in sessions}) == 1, "one reading, which a later one replaces in whole"


def test_a_site_reads_a_list_as_one_recording_and_tells_how_it_goes(folder: Path) -> None:
    paths = sorted(folder.iterdir())
    site = {"cameras": [{"id": "north", "source": [str(path) for path in reversed(paths)]}]}
    (camera,) = parse_site(json.dumps(site), "site.yaml").cameras
    source = open_source(camera.sources, "north", paced=False, analyse_fps=None, timezone=UTC, clock=ManualClock())
    assert source.status().state == "connecting"
    states = []
    for frame in source.frames():
        states.append(source.status().state)
        assert source.status().last_frame_us == frame.captured_at_us
    assert set(states) == {"live"}
    assert len(states) == 60
    assert source.status().state == "ended"


def test_a_start_that_the_site_gives_is_that_of_the_first_and_the_others_follow_on(folder: Path) -> None:
    source = open_source(
        [Address(str(path)) for path in sorted(folder.iterdir())],
        "north",
        paced=False,
        analyse_fps=None,
        starts_at="2026-03-05T07:30:00",
        timezone=UTC,
        clock=ManualClock(),
    )
    assert seconds(list(source.frames())) == pytest.approx([n / 10 for n in range(60)])


@pytest.mark.parametrize(("sources", "code"), [(["a.avi", "none.avi"], "no-file"), (["a.avi", "a.avi"], "file-twice")])
def test_a_list_that_cannot_be_read_is_a_problem_of_its_camera(tmp_path: Path, sources: list[str], code: str) -> None:
    write_video(tmp_path / "a.avi")
    addresses = [Address(str(tmp_path / name)) for name in sources]
    source = open_source(addresses, "north", paced=True, analyse_fps=None, timezone=UTC, clock=ManualClock())
    with pytest.raises(ProblemError):
        list(source.frames())
    status = source.status()
    assert status.state == "offline"
    assert status.problem is not None
    assert status.problem.code == code


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
