"""Turns at the detector: a simulated engine that serves one turn after the other, without threads or a clock."""

from __future__ import annotations

from collections import Counter

import pytest

from app.detector_turns import FairTurns


def overloaded(rates: dict[str, float], turns: int, capacity: int = 1) -> Counter[str]:
    """Serve so many turns while every camera always wants one."""
    line = FairTurns(capacity)
    served: list[str] = []
    places = {name: line.join(fps) for name, fps in rates.items()}

    def ask(name: str) -> None:
        places[name].ask(lambda: served.append(name))

    for name in rates:
        ask(name)
    for done in range(turns):
        name = served[done]
        ask(name)
        places[name].done()
    return Counter(served[:turns])


def test_a_free_detector_serves_at_once() -> None:
    come: list[int] = []
    line = FairTurns(2)
    for number in range(3):
        line.join(5).ask(lambda number=number: come.append(number))  # type: ignore[misc]
    assert come == [0, 1]


def test_a_turn_given_back_goes_to_the_next_in_line() -> None:
    come: list[str] = []
    line = FairTurns(1)
    first, second = line.join(5), line.join(5)
    first.ask(lambda: come.append("first"))
    second.ask(lambda: come.append("second"))
    first.done()
    assert come == ["first", "second"]


@pytest.mark.parametrize("capacity", [1, 2, 3])
def test_an_overloaded_detector_drops_evenly(capacity: int) -> None:
    served = overloaded({f"camera {i}": 5.0 for i in range(16)}, turns=1600, capacity=capacity)
    assert max(served.values()) - min(served.values()) <= 2


def test_every_camera_gets_the_same_fraction_of_its_rate() -> None:
    rates = {"slow": 1.0, "usual": 5.0, "fast": 25.0}
    served = overloaded(rates, turns=3100)
    for name, rate in rates.items():
        assert served[name] == pytest.approx(100 * rate, rel=0.05)


def test_a_camera_that_was_silent_has_saved_nothing_up() -> None:
    line = FairTurns(1)
    served: list[str] = []
    busy, silent = line.join(5), line.join(5)
    busy.ask(lambda: served.append("busy"))
    for _ in range(100):
        busy.ask(lambda: served.append("busy"))
        busy.done()
    silent.ask(lambda: served.append("silent"))
    for _ in range(10):
        (silent if served[-1] == "silent" else busy).ask(lambda name=served[-1]: served.append(name))  # type: ignore[misc]
        busy.done()
    assert abs(served[-10:].count("silent") - 5) <= 1


def test_wait_returns_when_the_turn_has_come() -> None:
    import threading

    line = FairTurns(1)
    first, second = line.join(5), line.join(5)
    first.wait()
    waiting = threading.Thread(target=second.wait)
    waiting.start()
    assert waiting.is_alive()
    first.done()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
