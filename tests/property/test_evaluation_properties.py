"""What holds of the figures of every evaluation: perfect counts are perfect, and order changes nothing."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from app.validation.ai_city_score import ai_city_score
from app.validation.conditions import size_scores
from app.validation.confidence_interval import wape_interval
from app.validation.event_matching import CountedEvent, LineEvents, class_scores, confusion
from app.validation.truth import LineResult, LineTruth, wape

FRAMES = 200
names = st.sampled_from(["pedestrian", "cyclist", "car", "pick-up"])
directions = st.sampled_from(["up", "down"])
frames = st.integers(0, FRAMES - 1)


@st.composite
def passages(draw: st.DrawFn) -> tuple[int, int, str, str]:
    first = draw(frames)
    return first, min(FRAMES - 1, first + draw(st.integers(0, 30))), draw(directions), draw(names)


@st.composite
def crossings(draw: st.DrawFn) -> CountedEvent:
    area = draw(st.none() | st.floats(1, 50_000))
    return CountedEvent(draw(frames), draw(directions), draw(names.filter(lambda name: name != "pick-up")), 1, area)


def line_of(clip: str, events: list[tuple[int, int, str, str]], counted: list[CountedEvent]) -> LineEvents:
    """A line in which a pick-up may be called car or truck."""
    counts = Counter((direction, name) for _, _, direction, name in events if name != "pick-up")
    either = Counter(direction for _, _, direction, name in events if name == "pick-up")
    right = {"pick-up": frozenset({"car", "truck"})} if either else {}
    truth = LineTruth(clip, ((0, 0), (9, 9)), counts, either, tuple(events), right)
    numbers = Counter((each.direction, each.road_user) for each in counted)
    return LineEvents(LineResult(truth, numbers), tuple(counted), 10.0, FRAMES)


@st.composite
def lines(draw: st.DrawFn) -> LineEvents:
    clip = draw(st.sampled_from(list("abcdefg")))
    return line_of(clip, draw(st.lists(passages(), max_size=8)), draw(st.lists(crossings(), max_size=8)))


@given(st.lists(st.lists(passages(), min_size=1, max_size=8), min_size=1, max_size=4), st.data())
def test_perfect_counts_are_perfect(each: list[list[tuple[int, int, str, str]]], data: st.DataObject) -> None:
    """Each is counted somewhere within its passage, a pick-up as either of its classes."""
    found = []
    for index, events in enumerate(each):
        counted = [
            CountedEvent(
                data.draw(st.integers(first, last)),
                direction,
                data.draw(st.sampled_from(["car", "truck"])) if name == "pick-up" else name,
                number,
                1000.0,
            )
            for number, (first, last, direction, name) in enumerate(events)
        ]
        found.append(line_of(f"{index}.mp4", events, counted))
    assert wape([line.result for line in found]) == 0
    assert all(line.wrong == [] for line in found)
    assert all(score.f1 == 1 for score in class_scores(found).values())
    assert all(None not in cell and (cell[0] == cell[1] or cell[0] == "pick-up") for cell in confusion(found))
    assert all(score.f1 == 1 for score in size_scores(found).values())
    assert ai_city_score(found) in (1, None)


@settings(max_examples=30)
@given(st.lists(lines(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_nothing(each: list[LineEvents], chance: object) -> None:
    mixed = list(each)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert confusion(mixed) == confusion(each)
    assert class_scores(mixed) == class_scores(each)
    assert size_scores(mixed) == size_scores(each)
    scores = ai_city_score(mixed), ai_city_score(each)
    assert scores[0] == scores[1] or abs((scores[0] or 0) - (scores[1] or 0)) < 1e-12
    assert wape_interval([line.result for line in mixed]) == wape_interval([line.result for line in each])


@given(st.lists(lines(), min_size=1, max_size=4))
def test_the_figures_agree_with_each_other(each: list[LineEvents]) -> None:
    """Rows of the matrix add up to the truth, columns to the counts; scores never leave their bounds."""
    cells = confusion(each)
    assert sum(n for (true, _), n in cells.items() if true) == sum(line.result.truth.total for line in each)
    assert sum(n for (_, counted), n in cells.items() if counted) == sum(len(line.counted) for line in each)
    for score in [*class_scores(each).values(), *size_scores(each).values()]:
        assert 0 <= score.matched <= min(score.true, score.counted)
    assert sum(score.true for score in size_scores(each).values()) == sum(line.result.truth.total for line in each)
    assert 0 <= (ai_city_score(each) or 0) <= 1
    interval = wape_interval([line.result for line in each])
    assert interval is None or 0 <= interval.low <= interval.high
