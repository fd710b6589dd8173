"""Running counts: what the live picture shows without asking the database."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trajectories import counting_line

from aforo.config.camera import CameraSection
from aforo.model import Box, Coverage, CoverageShare, Crossing, Rows, TrackedFrame, TrackedObject, TrackKey, Volume
from aforo.site import Camera
from api.running_counts import RunningCounts, by_direction, presence

BOGOTA = ZoneInfo("America/Bogota")


def at(day: int, hour: int) -> int:
    """Local time in Bogotá, November 2025."""
    return int(datetime(2025, 11, day, hour, tzinfo=BOGOTA).timestamp()) * 1_000_000


def crossing(track: int = 1, road_user: str = "car", *, final: bool = False, at_us: int = at(21, 8)) -> Crossing:
    return Crossing("north", "s", track, "l", 0, at_us, "in", road_user, final, "v")


@pytest.fixture
def counts() -> RunningCounts:
    return RunningCounts(BOGOTA)


def test_a_provisional_crossing_counts_at_once_and_is_new_only_once(counts: RunningCounts) -> None:
    assert counts.add(Rows(crossings=[crossing()])) == [crossing()]
    assert counts.add(Rows(crossings=[crossing()])) == []
    assert counts.line("l") == {("in", "car"): 1}


def test_the_final_row_corrects_the_class(counts: RunningCounts) -> None:
    counts.add(Rows(crossings=[crossing(road_user="car")]))
    assert counts.add(Rows(crossings=[crossing(road_user="truck", final=True)])) == []
    assert counts.line("l") == {("in", "truck"): 1}


def test_a_track_that_was_nobody_is_taken_back(counts: RunningCounts) -> None:
    counts.add(Rows(crossings=[crossing(1), crossing(2)]))
    counts.add(Rows(voided=[TrackKey("north", "s", 1)]))
    assert counts.line("l") == {("in", "car"): 1}


def test_a_new_local_day_starts_at_zero_and_late_rows_of_yesterday_do_not_count_today(counts: RunningCounts) -> None:
    counts.add(Rows(crossings=[crossing(1, at_us=at(21, 23))]))
    counts.add(Rows(crossings=[crossing(2, at_us=at(22, 0))]))
    counts.add(Rows(crossings=[crossing(1, at_us=at(21, 23), final=True)]))
    assert counts.line("l") == {("in", "car"): 1}


def test_the_day_is_local_to_the_site(counts: RunningCounts) -> None:
    evening = int(datetime(2025, 11, 22, 1, tzinfo=UTC).timestamp()) * 1_000_000  # still the 21st in Bogotá
    counts.add(Rows(crossings=[crossing(1), crossing(2, at_us=evening)]))
    assert counts.line("l") == {("in", "car"): 2}


def test_counts_begin_from_what_the_database_knows(counts: RunningCounts) -> None:
    counts.seed(
        [Volume(at(21, 0), "line", "l", "in", "car", 40, 2), Volume(at(21, 0), "zone", "z", "entered", "car", 9, 0)]
    )
    counts.add(Rows(crossings=[crossing()]))
    assert counts.line("l") == {("in", "car"): 41}
    assert counts.line("z") == {}


def test_memory_holds_only_the_crossings_of_open_tracks(counts: RunningCounts) -> None:
    sizes = []
    for track in range(500):
        counts.add(Rows(crossings=[crossing(track)]))
        counts.add(Rows(crossings=[crossing(track, final=True)]))
        sizes.append(len(pickle.dumps(counts)))
    assert counts.line("l") == {("in", "car"): 500}
    assert sizes[-1] <= sizes[0] + 8  # a larger number takes some bytes more


CAMERA = Camera("north", lines=(counting_line((0.5, 0.1), (0.5, 0.9)),))
LINE = CAMERA.lines[0].id
MINUTE_US = 60_000_000


def seen(minute: int, seconds: float = 60.0, *, day: int = 21, session: str = "s") -> Coverage:
    """What was observed of a minute of the day."""
    return Coverage("north", session, at(day, 0) + minute * MINUTE_US, round(seconds * 1e6), 600, 0)


def test_of_a_camera_that_showed_nothing_nothing_is_known(counts: RunningCounts) -> None:
    assert counts.observed_share("north", at(21, 9)) is None
    counts.add(Rows(coverage=[replace(seen(0), camera="south")]))
    assert counts.observed_share("north", at(21, 9)) is None


def test_a_camera_that_was_away_has_observed_a_part_and_one_that_was_not_the_whole(counts: RunningCounts) -> None:
    counts.add(Rows(coverage=[seen(minute) for minute in range(60)]))
    assert counts.observed_share("north", at(21, 1)) == 1.0
    assert counts.observed_share("north", at(21, 4)) == 0.25
    assert counts.observed_share("north", at(25, 4)) == pytest.approx(1 / 24), "its day is long over"


def test_what_the_database_knows_of_today_is_part_of_it(counts: RunningCounts) -> None:
    counts.seed([], [CoverageShare(at(21, 0), "north", 60 * MINUTE_US, 36_000, 0)])
    counts.add(Rows(coverage=[seen(120 + minute, session="after the restart") for minute in range(60)]))
    assert counts.observed_share("north", at(21, 8)) == 0.25


def test_with_a_new_day_the_counts_of_the_last_are_over_though_nobody_has_crossed_yet(counts: RunningCounts) -> None:
    counts.add(Rows(crossings=[replace(crossing(at_us=at(21, 23)), line=LINE)], coverage=[seen(23 * 60)]))
    assert counts.of_camera(CAMERA) == {LINE: {("in", "car"): 1}}
    counts.add(Rows(coverage=[seen(0, 5, day=22)]))
    assert counts.of_camera(CAMERA) == {LINE: {}}
    counts.add(Rows(coverage=[seen(23 * 60)]))  # late
    assert counts.observed_share("north", at(22, 0) + 5_000_000) == 1.0


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(0, 60)), max_size=40), st.integers(0, 10)
)
def test_rows_that_come_again_and_grow_are_added_once(rows: list[tuple[str, int, int]], hour: int) -> None:
    counts = RunningCounts(BOGOTA)
    largest: dict[tuple[str, int], int] = {}
    for session, minute, seconds in rows:
        counts.add(Rows(coverage=[seen(minute, seconds, session=session)]))
        largest[session, minute] = max(largest.get((session, minute), 0), seconds)
    past_s = hour * 3600
    share = counts.observed_share("north", at(21, hour))
    if not rows:
        assert share is None
    elif past_s - sum(largest.values()) <= max(0.01 * past_s, 15):
        assert share == 1.0
    else:
        assert share == pytest.approx(sum(largest.values()) / past_s)


def test_totals_by_direction_sum_the_classes(counts: RunningCounts) -> None:
    counts.add(Rows(crossings=[crossing(1), crossing(2, "bus"), replace(crossing(3), direction="out")]))
    assert by_direction(counts.line("l")) == {"in": 2, "out": 1}


def test_presence_takes_the_anchor_of_the_zone() -> None:
    lower = {"polygon": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}
    camera = CameraSection.model_validate(
        {
            "id": "north",
            "source": "x",
            "zones": [{"id": "feet", **lower}, {"id": "middle", "anchor": "centre", **lower}],
        }
    ).domain()
    seen = TrackedObject(1, Box(0.4, 0.2, 0.5, 0.6), "cyclist", 0.9)
    tracked = TrackedFrame("north", "s", 0, 0, 0, 100, 100, (seen,))
    assert presence(camera, tracked) == {"feet": {"cyclist": 1}, "middle": {}}
