"""The start of a recording from its name, its container or the file's time; the kind of a source from its text."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aforo.address import Address
from aforo.clock import ManualClock
from aforo.errors import ConfigurationError
from ingest.camera_source import LiveSource
from ingest.capture import Header
from ingest.file_source import RecordedSource, missing_s
from ingest.open_source import open_source
from ingest.recording_start import recording_start_us, start_in_mp4_us, start_in_name_us

BOGOTA = ZoneInfo("America/Bogota")  # UTC-5, no summer time


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cam1_2026-03-05_07-30-00.mp4", "2026-03-05T07:30:00-05:00"),
        ("20260305T073000Z.avi", "2026-03-05T07:30:00+00:00"),
        ("20260305_073000.mkv", "2026-03-05T07:30:00-05:00"),
        ("20260305073000.mp4", "2026-03-05T07:30:00-05:00"),
        ("NVR_ch3_20260305_073000_20260305_083000.mp4", "2026-03-05T07:30:00-05:00"),
        ("2026-03-05T07-30-00_001.mp4", "2026-03-05T07:30:00-05:00"),
        ("2026.03.05 07.30.00 north.mp4", "2026-03-05T07:30:00-05:00"),
        ("1234567_20261305_993000_20260305_073000.mp4", "2026-03-05T07:30:00-05:00"),
        ("vtest.avi", None),
        ("20260305.mp4", None),
        ("20261332_073000.mp4", None),
        ("920260305073000.mp4", None),
        ("bgs_1920x1080_60fps.mp4", None),
    ],
)
def test_start_in_name(name: str, expected: str | None) -> None:
    wanted = None if expected is None else round(datetime.fromisoformat(expected).timestamp() * 1e6)
    assert start_in_name_us(name, BOGOTA) == wanted


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def mp4(created: datetime | None, version: int) -> bytes:
    seconds = 0 if created is None else round(created.timestamp()) + 2_082_844_800
    header = bytes([version, 0, 0, 0]) + seconds.to_bytes(8 if version else 4, "big") + bytes(96)
    return box(b"ftyp", b"isom") + box(b"mdat", bytes(500)) + box(b"moov", box(b"udta", b"x") + box(b"mvhd", header))


@pytest.mark.parametrize("version", [0, 1])
def test_start_in_mp4(tmp_path: Path, version: int) -> None:
    created = datetime(2026, 3, 5, 12, 30, tzinfo=UTC)
    path = tmp_path / "a.mp4"
    path.write_bytes(mp4(created, version))
    assert start_in_mp4_us(path) == round(created.timestamp() * 1e6)
    path.write_bytes(mp4(None, version))
    assert start_in_mp4_us(path) is None


@pytest.mark.parametrize("content", [b"", b"RIFF" + bytes(100), b"\xff" * 4000, bytes(4000), mp4(None, 0)[:-60]])
def test_other_files_have_no_start_in_mp4(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.avi"
    path.write_bytes(content)
    assert start_in_mp4_us(path) is None


def test_without_name_and_container_the_recording_ended_when_the_file_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    path.write_bytes(b"RIFF")
    os.utime(path, (1_772_695_800, 1_772_695_800))
    assert recording_start_us(path, 60_000_000, UTC) == 1_772_695_740_000_000


@pytest.mark.parametrize(
    ("fps", "announced", "read", "last_s", "normal"),
    [
        (12, 467, 459, 458 / 12, True),  # a real file whose header is off
        (60, 1700, 1699, 1698 / 60, True),
        (20, 60, 45, 44 / 20, False),
        (25, 90_000, 89_990, 89_989 / 25, True),
        (25, 90_000, 89_900, 89_899 / 25, False),  # four seconds of an hour
        (30, 160, 60, 5.287, True),  # variable rate: the header counts duration x rate
        (None, 160, 60, 1, True),
        (25, None, 60, 1, True),
    ],
)
def test_what_counts_as_missing(
    fps: float | None, announced: int | None, read: int, last_s: float, normal: bool
) -> None:
    assert (missing_s(Header(fps, announced), read, round(last_s * 1e6)) == 0) is normal


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", LiveSource),
        ("rtsp://u:p@10.0.0.5/s", LiveSource),
        ("HTTPS://cam/live.m3u8", LiveSource),
        ("videos/a.mp4", RecordedSource),
        ("1.mp4", RecordedSource),
    ],
)
def test_the_text_names_the_kind(text: str, kind: type) -> None:
    source = open_source((Address(text),), "north", paced=False, analyse_fps=10, timezone=UTC, clock=ManualClock())
    assert isinstance(source, kind)
    assert source.status().state == "connecting"


@pytest.mark.parametrize(
    ("text", "starts_at", "sentence"),
    [
        ("ftp://user:secret@host/a.mp4", None, r"camera north: expected a file.*ftp://host$"),
        ("a.mp4", "yesterday", "camera north: starts_at: expected ISO 8601.*'yesterday'"),
    ],
)
def test_a_wrong_source_gets_one_sentence(text: str, starts_at: str | None, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        open_source(
            (Address(text),),
            "north",
            paced=False,
            analyse_fps=10,
            starts_at=starts_at,
            timezone=UTC,
            clock=ManualClock(),
        )
    assert "secret" not in str(caught.value)
