"""Turning movements in real clips with two lines."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from recorded import recorded, tracked

from aforo.config.camera import CameraSection
from aforo.config.geometry import GateSection, LineSection, MovementSection
from aforo.geometry import image_directions
from aforo.tracked_batch import TrackedBatch
from app.assemble import counting_stage
from app.rows_in_memory import RowsInMemory

pytestmark = [pytest.mark.shared_data, pytest.mark.model, pytest.mark.timeout(600)]

Line = list[tuple[int, int]]


def movements(clip: Path, entry: tuple[Line, str], leave: tuple[Line, str]) -> Counter[str]:
    """Who went over the first line in its direction and then over the second in its own, per class."""
    seen = recorded(clip)
    lines, gates = [], []
    for name, (points, direction) in (("entry", entry), ("exit", leave)):
        scaled = [(x / seen.original_px[0], y / seen.original_px[1]) for x, y in points]
        lines.append(LineSection(id=name, points=scaled, directions=image_directions(points)))
        gates.append(GateSection(line=name, direction=direction))
    turn = MovementSection.model_validate({"id": "turn", "from": gates[0], "to": gates[1]})
    camera = CameraSection.of_recording(clip, lines).model_copy(update={"movements": [turn]})
    counter, table = counting_stage([camera]), RowsInMemory()
    for message in tracked(seen):
        table.add(counter.add(TrackedBatch.of([message])))
    return table.of_movement("turn")


def test_the_cyclist_turns_and_the_car_beside_does_not(shared_data: Path) -> None:
    clip = shared_data / "clips" / "otc_cars-cyclist.mp4"
    across, along = [(300, 0), (300, 599)], [(0, 330), (799, 330)]
    assert movements(clip, (across, "right"), (along, "down")) == {"cyclist": 1}


def test_nobody_goes_the_other_way(shared_data: Path) -> None:
    clip = shared_data / "clips" / "otc_cars-cyclist.mp4"
    across, along = [(300, 0), (300, 599)], [(0, 330), (799, 330)]
    assert movements(clip, (along, "up"), (across, "left")) == {}


def test_who_passes_only_one_of_two_lines_makes_no_movement(shared_data: Path) -> None:
    clip = shared_data / "clips" / "intel_pbc.mp4"
    left, right = [(100, 0), (100, 330)], [(640, 0), (640, 200)]
    assert movements(clip, (left, "right"), (right, "right")) == {}
