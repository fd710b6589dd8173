"""Which road user a track is."""

from __future__ import annotations

from track.tracklet import ClassVotes


def votes(*cast: tuple[str, float]) -> ClassVotes:
    found = ClassVotes()
    for road_user, confidence in cast:
        found.add(road_user, confidence)
    return found


def test_nobody_has_voted() -> None:
    assert ClassVotes().best is None


def test_the_class_with_the_most_weight_wins() -> None:
    assert votes(("car", 0.6), ("truck", 0.5), ("truck", 0.5)).best == "truck"


def test_a_sure_look_outweighs_several_doubtful_ones() -> None:
    assert votes(("truck", 0.3), ("truck", 0.3), ("truck", 0.3), ("bus", 0.8)).best == "bus"


def test_the_first_seen_wins_a_draw() -> None:
    assert votes(("car", 0.5), ("truck", 0.5)).best == "car"


def test_merged_votes_count_as_cast_together() -> None:
    both = votes(("car", 0.5), ("truck", 0.6))
    both.merge(votes(("car", 0.5)))
    assert both.best == "car"


def test_merging_leaves_the_other_as_it_was() -> None:
    other = votes(("car", 0.5))
    votes(("truck", 0.9)).merge(other)
    assert other.best == "car"
