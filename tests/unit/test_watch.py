"""What the log says of cameras and of writing: every change once, true, and nothing else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.camera_state import CameraState, CameraStatus, Problem
from aforo.write_health import WriteState
from app.watch import CameraLog, WriteLog

REFUSED = Problem.of("unreachable", "rtsp://10.0.0.5", "Connection refused")
FULL = "cannot write the database counts.db: the disk is full; make room and try again"
IS_FULL = Problem.of("unwritten", FULL)


def status(state: str, since_s: float = 0.0, problem: Problem | None = None, camera: str = "north") -> CameraStatus:
    return CameraStatus(camera, CameraState(state), round(since_s * 1e6), None, 0.0, 0, 0, 0, problem)


# What is seen one after another, and what is said.
STORIES = {
    "it comes": [(status("connecting"), ""), (status("live"), "camera north is live")],
    "it was there at once": [(status("live"), "camera north is live")],
    "it never comes": [
        (status("connecting"), ""),
        (
            status("offline", 20, REFUSED),
            "camera north is offline: rtsp://10.0.0.5 cannot be reached: Connection refused",
        ),
        (status("offline", 20, Problem.of("no-picture", 20)), ""),
    ],
    "it comes back": [
        (status("live"), "camera north is live"),
        (
            status("frozen", 100, Problem.of("frozen", 10)),
            "camera north is frozen: connected, but no new picture for 10 s",
        ),
        (
            status("offline", 130, REFUSED),
            "camera north is offline: rtsp://10.0.0.5 cannot be reached: Connection refused",
        ),
        (status("live", 754), "camera north is live again, after 10 min 54 s"),
        (status("live", 754), ""),
    ],
    "the clock was set back meanwhile": [
        (
            status("offline", 500, REFUSED),
            "camera north is offline: rtsp://10.0.0.5 cannot be reached: Connection refused",
        ),
        (status("live", 100), "camera north is live again, after 0 s"),
    ],
    "a recording ends": [(status("live"), "camera north is live"), (status("ended", 80), "camera north has ended")],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_stories_of_cameras(story: list[tuple[CameraStatus, str]]) -> None:
    log = CameraLog()
    for seen, said in story:
        assert [sentence for _, sentence in log.look([seen])] == ([said] if said else [])


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(list(CameraState)))))
def test_a_camera_is_spoken_of_exactly_when_its_state_changes(seen: list[tuple[str, CameraState]]) -> None:
    log = CameraLog()
    for camera, mine in itertools.groupby(sorted(seen, key=lambda each: each[0]), key=lambda each: each[0]):
        before = CameraState.CONNECTING
        for _, state in mine:
            said = log.look([status(state, camera=camera)])
            assert len(said) == (state is not before and state is not CameraState.CONNECTING)
            before = state


def test_a_failure_is_told_once_with_what_is_kept_and_its_end_with_what_was_lost() -> None:
    log = WriteLog("the store", "what is counted meanwhile waits in memory")
    calm = WriteState(frames_capacity=256, dropped_s={"north": 3.0, "south": 0.0})
    assert log.look(calm) == []
    began = WriteState(IS_FULL, 0.4, 1.0, 7, 256, dropped_s=calm.dropped_s)
    ((_, said),) = log.look(began)
    assert said == f"{FULL}; trying again every few seconds; what is counted meanwhile waits in memory"
    assert log.look(WriteState(IS_FULL, 5.0, 6.0, 90, 256, dropped_s=calm.dropped_s)) == []
    full = WriteState(IS_FULL, 25.0, 26.0, 256, 256, dropped_s=calm.dropped_s)
    ((_, said),) = log.look(full)
    assert said.startswith("all 256 places for frames that wait for the store are taken: cameras wait")
    assert log.look(WriteState(IS_FULL, 40.0, 41.0, 256, 256, dropped_s={"north": 18.6, "south": 0.0})) == []
    lost = {"north": 18.6, "south": 0.0}
    assert log.look(WriteState(written_age_s=0.1, frames_waiting=256, frames_capacity=256, dropped_s=lost)) == []
    ((_, said),) = log.look(WriteState(written_age_s=0.3, frames_waiting=4, frames_capacity=256, dropped_s=lost))
    assert said == "the store works again after 40 s; dropped meanwhile, and not observed: 15.6 s of camera north"
    assert log.look(WriteState(frames_capacity=256, dropped_s=lost)) == []


def test_what_was_handed_over_is_not_called_written() -> None:
    log = WriteLog("the store", "…")
    log.look(WriteState(IS_FULL, 12.0))
    ((_, said),) = log.look(WriteState(handed_over=True))
    assert said.startswith("the store took nothing for 12 s: another process writes what waited; ")
    assert log.look(WriteState(written_age_s=0.1)) == []


def test_the_second_failure_tells_only_what_was_lost_in_it() -> None:
    log = WriteLog("the store", "…")
    for dropped_s, told in ((5.0, "5.0 s of camera north"), (5.0, "no frame was dropped"), (7.5, "2.5 s of camera")):
        log.look(WriteState(IS_FULL, 12.0, dropped_s={"north": dropped_s}))
        ((_, said),) = log.look(WriteState(dropped_s={"north": dropped_s}))
        assert told in said


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=60))
def test_each_outage_is_told_at_its_beginning_and_at_its_end_and_no_more(looks: list[tuple[bool, int]]) -> None:
    log, said, failing_s = WriteLog("the store", "…"), [], 0.0
    for fails, waiting in looks:
        failing_s = failing_s + 1.0 if fails else 0.0
        state = WriteState(IS_FULL if fails else None, failing_s, frames_waiting=waiting, frames_capacity=4)
        said += [sentence.split(";")[0] for _, sentence in log.look(state)]
    told = [sentence for sentence in said if not sentence.startswith("all 4 places")]
    assert all(sentence.startswith((FULL.split(";")[0], "the store works again")) for sentence in told)
    assert all((a == FULL.split(";")[0]) != (b == FULL.split(";")[0]) for a, b in itertools.pairwise(told))
    for a, b in itertools.pairwise(said):
        assert a != b
