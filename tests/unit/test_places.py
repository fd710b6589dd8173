"""Places for answers that last: as many as there are, whoever asks at once, and free again whatever happens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.errors import BusyError
from api.places import Place, Places


def test_no_more_are_given_than_there_are_to_many_who_ask_at_once() -> None:
    places, together = Places(32, "viewers"), threading.Barrier(64)

    def ask(_: int) -> Place | None:
        together.wait(30)
        try:
            return places.take()
        except BusyError as error:
            assert str(error) == "all 32 places for viewers are taken; try again later"
            return None

    with ThreadPoolExecutor(64) as threads:
        taken = [place for place in threads.map(ask, range(64)) if place is not None]
    assert len(taken) == 32


@given(st.lists(st.sampled_from(["take", "close", "close again", "drop", "with", "fail"]), max_size=60))
def test_free_and_taken_places_always_add_up(steps: list[str]) -> None:
    places = Places(4, "viewers")
    held: list[Place] = []
    for step in steps:
        if step in ("take", "with", "fail"):
            if len(held) == 4:
                with pytest.raises(BusyError):
                    places.take()
            elif step == "take":
                held.append(places.take())
            else:
                try:
                    with places.take():
                        assert step == "with"
                except AssertionError:
                    pass
        elif held and step == "drop":
            held.pop(0)
        elif held:
            place = held.pop()
            for _ in range(1 + (step == "close again")):
                place.close()
    free = [places.take() for _ in range(4 - len(held))]
    with pytest.raises(BusyError):
        places.take()
    assert len(free) + len(held) == 4
