"""Fair sharing of a detector: a simulated engine that serves one request after another, without threads or a clock."""

from __future__ import annotations

from collections import Counter

import pytest

from app.detector_turns import FairDetectorQueue


def overloaded(rates: dict[str, float], turns: int, capacity: int = 1) -> Counter[str]:
    """Serve a number of requests while every camera always has one in the queue."""
    slots = FairDetectorQueue(capacity)
    served: list[str] = []
    slot_of = {name: slots.join(fps) for name, fps in rates.items()}

    def request(name: str) -> None:
        slot_of[name].request(lambda: served.append(name))

    for name in rates:
        request(name)
    for done in range(turns):
        name = served[done]
        request(name)
        slot_of[name].release()
    return Counter(served[:turns])


def test_a_free_detector_serves_at_once() -> None:
    granted: list[int] = []
    slots = FairDetectorQueue(2)
    for number in range(3):
        slots.join(5).request(lambda number=number: granted.append(number))  # type: ignore[misc]
    assert granted == [0, 1]


def test_a_released_slot_goes_to_the_next_in_the_queue() -> None:
    granted: list[str] = []
    slots = FairDetectorQueue(1)
    first, second = slots.join(5), slots.join(5)
    first.request(lambda: granted.append("first"))
    second.request(lambda: granted.append("second"))
    first.release()
    assert granted == ["first", "second"]


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
    slots = FairDetectorQueue(1)
    served: list[str] = []
    busy, silent = slots.join(5), slots.join(5)
    busy.request(lambda: served.append("busy"))
    for _ in range(100):
        busy.request(lambda: served.append("busy"))
        busy.release()
    silent.request(lambda: served.append("silent"))
    for _ in range(10):
        (silent if served[-1] == "silent" else busy).request(lambda name=served[-1]: served.append(name))  # type: ignore[misc]
        busy.release()
    assert abs(served[-10:].count("silent") - 5) <= 1


def test_wait_returns_when_the_request_is_granted() -> None:
    import threading

    slots = FairDetectorQueue(1)
    first, second = slots.join(5), slots.join(5)
    first.wait()
    waiting = threading.Thread(target=second.wait)
    waiting.start()
    assert waiting.is_alive()
    first.release()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
