"""Tracks of real recordings, scored by TrackEval itself: the scores never fall below what they were."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from analysed_clips import Analysed

pytestmark = [pytest.mark.shared_data, pytest.mark.model, pytest.mark.timeout(900)]

SEQUENCES = {"PETS09-S2L1": "vtest.avi", "TUD-Stadtmitte": "TUD-Stadtmitte.mp4", "TUD-Campus": "TUD-Campus.mp4"}


def score(truth: Path, found: dict[str, str], folder: Path) -> dict[str, float]:
    """HOTA, MOTA and IDF1 over all sequences together, in percent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TrackEval's own
        import trackeval

    lengths = {}
    for name, text in found.items():
        (folder / "gt" / name / "gt").mkdir(parents=True)
        shutil.copy(truth / name / "gt" / "gt.txt", folder / "gt" / name / "gt")
        results = folder / "trackers" / "aforo" / "data"
        results.mkdir(parents=True, exist_ok=True)
        (results / f"{name}.txt").write_text(text, encoding="ascii")
        info = (truth / name / "seqinfo.ini").read_text(encoding="ascii")
        lengths[name] = int(info.split("seqLength=")[1].split()[0])
    quiet = {"PRINT_CONFIG": False}
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            **quiet,
            "GT_FOLDER": str(folder / "gt"),
            "TRACKERS_FOLDER": str(folder / "trackers"),
            "TRACKERS_TO_EVAL": ["aforo"],
            "BENCHMARK": "MOT15",
            "SEQ_INFO": lengths,
            "SKIP_SPLIT_FOL": True,
        }
    )
    evaluator = trackeval.Evaluator(
        {
            **quiet,
            "USE_PARALLEL": False,
            "BREAK_ON_ERROR": True,
            "PRINT_RESULTS": False,
            "TIME_PROGRESS": False,
            "OUTPUT_SUMMARY": False,
            "OUTPUT_DETAILED": False,
            "PLOT_CURVES": False,
        }
    )
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results, _ = evaluator.evaluate([dataset], metrics)
    combined = results["MotChallenge2DBox"]["aforo"]["COMBINED_SEQ"]["pedestrian"]
    return {
        "HOTA": 100 * float(combined["HOTA"]["HOTA"].mean()),
        "MOTA": 100 * float(combined["CLEAR"]["MOTA"]),
        "IDF1": 100 * float(combined["Identity"]["IDF1"]),
    }


def test_the_truth_itself_has_all_points(shared_data: Path, tmp_path: Path) -> None:
    """So the folders, the frame numbers and the format are as TrackEval wants them."""
    perfect = {}
    for name in SEQUENCES:
        rows = (shared_data / "mot" / name / "gt" / "gt.txt").read_text(encoding="ascii").splitlines()
        asked = [row.split(",")[:6] for row in rows if row.split(",")[6] != "0"]  # the others are nobody's task
        perfect[name] = "".join(",".join([*row, "1,-1,-1,-1"]) + "\n" for row in asked)
    assert score(shared_data / "mot", perfect, tmp_path) == pytest.approx({"HOTA": 100, "MOTA": 100, "IDF1": 100})


def test_scores_of_tracking(
    analysed: Callable[[str], Analysed], shared_data: Path, tmp_path: Path, figures: dict[str, Any]
) -> None:
    found = {name: analysed(clip).tracks.text(["pedestrian"]) for name, clip in SEQUENCES.items()}
    now = score(shared_data / "mot", found, tmp_path)
    worse = {
        name: f"{now[name]:.2f}, stored figure {least}" for name, least in figures["mot"].items() if now[name] < least
    }
    assert not worse, worse
    print({name: round(value, 2) for name, value in now.items()})
