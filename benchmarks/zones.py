"""Visits to zones against the truth of the MOTChallenge: entries, mean presence, dwell time.

    python benchmarks/zones.py MOT_FOLDER CLIPS_FOLDER

The truth is worked out from the published boxes without any of Aforo's counting: who stands with the bottom centre
inside the polygon, frame by frame; absences and stays of less than half a second are none.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from mot_files import Rows
from recorded import recorded, tracked

from aforo.config.camera import CameraSection
from aforo.config.geometry import ZoneSection
from aforo.model import MICROSECONDS
from aforo.tracked_batch import TrackedBatch
from app.assemble import counting_stage
from app.assets import manifest
from app.rows_in_memory import RowsInMemory

SHORTEST_S = 0.5

ZONES: dict[str, dict[str, list[tuple[float, float]]]] = {
    "PETS09-S2L1": {
        "left half": [(20, 120), (330, 120), (330, 560), (20, 560)],
        "crossroads": [(250, 200), (520, 200), (560, 420), (210, 420)],
        "right lawn": [(480, 180), (750, 180), (750, 500), (480, 500)],
    },
    "TUD-Stadtmitte": {
        "left pavement": [(60, 250), (300, 250), (300, 470), (60, 470)],
        "right pavement": [(320, 250), (600, 250), (600, 470), (320, 470)],
    },
}
"""Polygons in pixels."""


@dataclass(frozen=True, slots=True)
class Use:
    """How a zone was used.

    Attributes:
        entries: stays that began, those of the first frame included.
        presence: people inside, on average over time.
        dwell_s: length of the stays, on average.
    """

    entries: int
    presence: float
    dwell_s: float

    @classmethod
    def of(cls, stays_s: list[float], seconds: float) -> Use:
        """From the lengths of all stays."""
        kept = [each for each in stays_s if each >= SHORTEST_S]
        return cls(len(kept), sum(stays_s) / seconds, sum(kept) / max(len(kept), 1))


def true_use(truth: Rows, polygon: list[tuple[float, float]], frames: int, frame_rate: float) -> Use:
    """From the published boxes."""
    corners = np.array(polygon, np.float32).reshape(-1, 1, 2)
    stays: list[float] = []
    for track_id in np.unique(truth[:, 1]):
        rows = truth[truth[:, 1] == track_id]
        inside = np.zeros(frames + 2, dtype=bool)
        for row in rows:
            foot = float(row[2] + row[4] / 2), float(row[3] + row[5])
            inside[int(row[0])] = cv2.pointPolygonTest(corners, foot, measureDist=False) >= 0
        stays += _lengths(_closed(inside, round(SHORTEST_S * frame_rate)), frame_rate)
    return Use.of(stays, frames / frame_rate)


def _closed(inside: npt.NDArray[np.bool_], longest: int) -> npt.NDArray[np.bool_]:
    """Gaps of at most so many frames filled."""
    there = np.flatnonzero(inside)
    for before, after in itertools.pairwise(there):
        if after - before <= longest:
            inside[before:after] = True
    return inside


def _lengths(inside: npt.NDArray[np.bool_], frame_rate: float) -> list[float]:
    edges = np.flatnonzero(np.diff(inside.astype(int)))
    return [float(end - start) / frame_rate for start, end in zip(edges[::2], edges[1::2], strict=True)]


def counted_use(clip: Path, zones: dict[str, list[tuple[float, float]]]) -> dict[str, Use]:
    """From the recording, by all stages."""
    seen = recorded(clip)
    width, height = seen.original_px
    sections = [
        ZoneSection(id=f"zone-{i}", polygon=[(x / width, y / height) for x, y in polygon])
        for i, polygon in enumerate(zones.values())
    ]
    camera = CameraSection.of_recording(clip).model_copy(update={"zones": sections})
    counter, table = counting_stage([camera]), RowsInMemory()
    for message in tracked(seen):
        table.add(counter.add(TrackedBatch.of([message])))
    stays: dict[str, list[float]] = {section.id: [] for section in sections}
    for visit in table.visits.values():
        if visit.left_at_us is not None and visit.road_user in ("pedestrian", "cyclist"):
            stays[visit.zone].append((visit.left_at_us - visit.entered_at_us) / MICROSECONDS)
    seconds = len(seen.times_us) / seen.frame_rate
    return {name: Use.of(stays[section.id], seconds) for name, section in zip(zones, sections, strict=True)}


def compared(mot: Path, clips: Path) -> dict[tuple[str, str], tuple[Use, Use]]:
    """(true, counted) per sequence and zone."""
    result = {}
    for name, zones in ZONES.items():
        clip = manifest.fetch("vtest") if name == "PETS09-S2L1" else clips / f"{name}.mp4"
        seen = recorded(clip)
        truth = np.loadtxt(mot / name / "gt" / "gt.txt", delimiter=",", ndmin=2)[:, :7]
        truth = truth[truth[:, 6] != 0]
        counted = counted_use(clip, zones)
        for zone, polygon in zones.items():
            true = true_use(truth, polygon, len(seen.times_us), seen.frame_rate)
            result[name, zone] = true, counted[zone]
    return result


def main() -> None:
    """Print the table."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(f"{'':32}{'entries':>16}{'presence':>16}{'dwell time, s':>16}\n{'':32}" + f"{'true counted':>16}" * 3)
    for (name, zone), (true, counted) in compared(Path(sys.argv[1]), Path(sys.argv[2])).items():
        pairs = (
            f"{true.entries:8}{counted.entries:8}",
            f"{true.presence:8.2f}{counted.presence:8.2f}",
            f"{true.dwell_s:8.2f}{counted.dwell_s:8.2f}",
        )
        print(f"{name + ', ' + zone:32}" + "".join(pairs))


if __name__ == "__main__":
    main()
