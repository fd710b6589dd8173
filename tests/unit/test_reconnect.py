"""The reconnection as a table: no clock, no thread, no camera."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.camera_state import Problem
from ingest.reconnect import Action, ConnectionState, ReaderView, ReconnectPolicy, next_connection_state

POLICY = ReconnectPolicy(
    frozen_after_s=5, unanswered_after_s=20, first_delay_s=1, longest_delay_s=8, jitter=0, stable_after_s=30
)
NOTHING = ReaderView()
REFUSED = ReaderView(failure=Problem.of("no-video", "rtsp://10.0.0.5/"))
OVER = Problem.of("stream-over", "rtsp://10.0.0.5/", 15)


def arrived(at_s: float) -> ReaderView:
    return ReaderView(pictures=1, quiet_since_s=at_s)


# One row: time, what is seen, expected state, expected action.
STORIES = {
    "opens at once": [(0, NOTHING, "connecting", Action.OPEN), (0.1, NOTHING, "connecting", Action.NONE)],
    "a picture makes it live": [
        (0, NOTHING, "connecting", Action.OPEN),
        (2, arrived(2), "live", Action.NONE),
        (6, arrived(6), "live", Action.NONE),
    ],
    "waiting for its turn to open is not silence": [
        (0, NOTHING, "connecting", Action.OPEN),
        (900, NOTHING, "connecting", Action.NONE),
    ],
    "an unanswered opening is given up": [
        (0, NOTHING, "connecting", Action.OPEN),
        (20, ReaderView(quiet_since_s=0), "connecting", Action.NONE),
        (20.1, ReaderView(quiet_since_s=0), "offline", Action.GIVE_UP),
    ],
    "silence of a live camera is frozen, and stays so while it is opened again": [
        (0, NOTHING, "connecting", Action.OPEN),
        (1, arrived(1), "live", Action.NONE),
        (6, arrived(1), "live", Action.NONE),
        (6.1, arrived(1), "frozen", Action.GIVE_UP),
        (7.0, NOTHING, "frozen", Action.NONE),
        (7.2, NOTHING, "frozen", Action.OPEN),
        (8, NOTHING, "frozen", Action.NONE),
        (9, arrived(9), "live", Action.NONE),
    ],
    "a frozen camera that then refuses is offline": [
        (0, NOTHING, "connecting", Action.OPEN),
        (1, arrived(1), "live", Action.NONE),
        (7, arrived(1), "frozen", Action.GIVE_UP),
        (8, NOTHING, "frozen", Action.OPEN),
        (8.1, REFUSED, "offline", Action.GIVE_UP),
    ],
    "the wait doubles with each failure up to the longest": [
        (0, NOTHING, "connecting", Action.OPEN),
        (0, REFUSED, "offline", Action.GIVE_UP),
        (0.9, NOTHING, "offline", Action.NONE),
        (1, NOTHING, "offline", Action.OPEN),
        (1, REFUSED, "offline", Action.GIVE_UP),
        (2.9, NOTHING, "offline", Action.NONE),
        (3, NOTHING, "offline", Action.OPEN),
        (3, REFUSED, "offline", Action.GIVE_UP),
        (7, NOTHING, "offline", Action.OPEN),
        (7, REFUSED, "offline", Action.GIVE_UP),
        (15, NOTHING, "offline", Action.OPEN),
        (15, REFUSED, "offline", Action.GIVE_UP),
        (22.9, NOTHING, "offline", Action.NONE),
        (23, NOTHING, "offline", Action.OPEN),
    ],
    "a stable camera starts again with the first delay": [
        (0, NOTHING, "connecting", Action.OPEN),
        (0, REFUSED, "offline", Action.GIVE_UP),
        (1, NOTHING, "offline", Action.OPEN),
        (1, REFUSED, "offline", Action.GIVE_UP),
        (3, NOTHING, "offline", Action.OPEN),
        (4, arrived(4), "live", Action.NONE),
        (34, REFUSED, "offline", Action.GIVE_UP),
        (35, NOTHING, "offline", Action.OPEN),
    ],
    "a camera that dies at every first picture is not hammered": [
        (0, NOTHING, "connecting", Action.OPEN),
        (0, ReaderView(1, 0, OVER), "offline", Action.GIVE_UP),
        (1, NOTHING, "offline", Action.OPEN),
        (1, ReaderView(1, 1, OVER), "offline", Action.GIVE_UP),
        (2, NOTHING, "offline", Action.NONE),
        (3, NOTHING, "offline", Action.OPEN),
    ],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_story(story: list[tuple[float, ReaderView, str, Action]]) -> None:
    connection = ConnectionState()
    for now_s, view, state, action in story:
        connection, done = next_connection_state(connection, view, now_s, POLICY, draw=0.0)
        assert (now_s, connection.state, done) == (now_s, state, action)
        assert (connection.problem is not None) == (state in ("offline", "frozen"))


@given(failures=st.integers(1, 10_000), draw=st.floats(0, 1))
def test_the_delay_is_bounded_and_jittered_downwards_only(failures: int, draw: float) -> None:
    policy = ReconnectPolicy(first_delay_s=0.5, longest_delay_s=30, jitter=0.3)
    assert 0.5 * 0.7 <= policy.delay_s(failures, draw) <= 30
    assert policy.delay_s(failures, draw) <= policy.delay_s(failures, 0)
    assert policy.delay_s(failures, draw) <= policy.delay_s(failures + 1, draw)
