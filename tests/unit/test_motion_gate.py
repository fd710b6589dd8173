"""The motion gate: the network is asked whenever anything moves, however small or slow, and only then."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest
import supervision as sv

from aforo.model import Image
from detect.motion_gate import MotionGate

WIDTH, HEIGHT = 768, 576


class Asked:
    """A detector that keeps what it was shown, and answers with the number of the picture."""

    description, capacity, labels = "asked", 1, ("person",)

    def __init__(self) -> None:
        self.pictures: list[Image] = []

    def submit(self, image: Image) -> Future[sv.Detections]:
        self.pictures.append(image)
        future: Future[sv.Detections] = Future()
        number = float(len(self.pictures))
        future.set_result(
            sv.Detections(
                xyxy=np.full((1, 4), number, np.float32), confidence=np.ones(1, np.float32), class_id=np.zeros(1, int)
            )
        )
        return future

    def close(self) -> None: ...


def street(noise: float = 0.0, seed: int = 0) -> Image:
    """A textured street without anybody, with the noise of a sensor (standard deviation, grey levels)."""
    ground = np.random.default_rng(7).integers(80, 130, (HEIGHT, WIDTH, 1)).repeat(3, axis=2).astype(float)
    ground += np.random.default_rng(seed).normal(0, noise, ground.shape) if noise else 0
    return np.clip(ground, 0, 255).astype(np.uint8)


def somebody(image: Image, x: float, width: int, height: int, level: int) -> Image:
    """Somebody of that size and grey at a place of the street."""
    image = image.copy()
    image[300 : 300 + height, round(x) : round(x) + width] = level
    return image


def test_an_empty_street_is_asked_about_once() -> None:
    asked = Asked()
    gate = MotionGate(asked)
    answers = [gate.submit(street(noise=4, seed=second)).result() for second in range(20)]
    assert len(asked.pictures) == 1
    assert gate.still == 19 and gate.submitted == 20
    assert all(answer.xyxy.tolist() == answers[0].xyxy.tolist() for answer in answers)


@pytest.mark.parametrize(("width", "height", "level"), [(8, 16, 20), (8, 16, 180), (30, 12, 60), (200, 100, 115)])
def test_who_appears_is_seen_at_once(width: int, height: int, level: int) -> None:
    asked = Asked()
    gate = MotionGate(asked)
    gate.submit(street())
    found = gate.submit(somebody(street(), 400, width, height, level)).result()
    assert len(asked.pictures) == 2
    assert found.xyxy[0, 0] == 2


@pytest.mark.parametrize("pixels_per_frame", [0.25, 0.5, 1.0, 3.0])
def test_who_creeps_is_never_far_from_where_the_network_last_saw_it(pixels_per_frame: float) -> None:
    """The comparison is with the picture that was last analysed, so that slow steps add up."""
    asked = Asked()
    gate = MotionGate(asked)
    analysed_at = 100.0
    for step in range(120):
        x = 100 + step * pixels_per_frame
        before = len(asked.pictures)
        gate.submit(somebody(street(), x, 10, 24, 20))
        analysed_at = x if len(asked.pictures) > before else analysed_at
        assert abs(x - analysed_at) <= 4  # one cell


def test_a_new_resolution_is_a_new_picture() -> None:
    asked = Asked()
    gate = MotionGate(asked)
    gate.submit(street())
    gate.submit(street()[::2, ::2])
    assert len(asked.pictures) == 2
