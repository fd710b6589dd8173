"""Tracking on public detections, no network involved: SORT's published table is reached or beaten."""

from __future__ import annotations

from pathlib import Path

import pytest
from mot_files import read_sequence, scores, spread, tracked_by_aforo

pytestmark = [pytest.mark.shared_data, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("name", "published", "stored"),
    [("TUD-Campus", 62.7, 65.5), ("Venice-2", 18.6, 20.5), ("KITTI-17", 60.2, 63.0)],
)
def test_mota_on_the_detections_of_sort(shared_data: Path, name: str, published: float, stored: float) -> None:
    sequence = spread(read_sequence(shared_data / "mot" / name))
    now = scores({name: (sequence.truth, tracked_by_aforo(sequence))})[name]["MOTA"]
    assert now >= published, f"{name}: MOTA {now:.1f}, SORT's published {published}"
    assert now >= stored, f"{name}: MOTA {now:.1f}, stored figure {stored}"
    print(f"{name}: MOTA {now:.1f}, SORT's published {published}")


def test_the_truth_itself_has_all_points(shared_data: Path) -> None:
    sequence = read_sequence(shared_data / "mot" / "TUD-Campus")
    assert scores({"TUD-Campus": (sequence.truth, sequence.truth)})["TUD-Campus"] == {
        "HOTA": pytest.approx(100),
        "MOTA": pytest.approx(100),
        "IDF1": pytest.approx(100),
        "switches": 0,
    }
