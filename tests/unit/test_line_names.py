"""A line has the same names of directions whether it is given on the command line or in a site file."""

from __future__ import annotations

from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from aforo.config.geometry import LineSection
from app.recording import line_of_pixels
from ingest.capture import VideoFacts

SIDES = st.integers(16, 4096)
SHARES = st.floats(0.0, 1.0)


@given(width=SIDES, height=SIDES, shares=st.lists(st.tuples(SHARES, SHARES), min_size=2, max_size=2))
def test_a_line_has_one_pair_of_names(width: int, height: int, shares: list[tuple[float, float]]) -> None:
    (x1, y1), (x2, y2) = shares
    assume(abs(x1 - x2) + abs(y1 - y2) > 0.01)
    assume(abs(abs(x1 - x2) - abs(y1 - y2)) > 1e-9)  # a diagonal may go either way with the rounding
    facts = VideoFacts(Path("street.mp4"), width, height, 25.0, None)
    typed = line_of_pixels("l", [(x * width, y * height) for x, y in shares], facts)
    written = LineSection(id="l", points=shares)
    assert typed.domain().direction_names == written.domain().direction_names


def test_an_oblique_line_of_a_wide_picture() -> None:
    """By pixels it is nearer to horizontal."""
    line = line_of_pixels("l", [(0, 0), (1000, 700)], VideoFacts(Path("street.mp4"), 1920, 1080, 25.0, None))
    assert set(line.domain().direction_names) == {"left", "right"}
