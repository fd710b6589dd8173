"""Turning movements at a junction small enough to check by hand."""

from __future__ import annotations

import itertools
import random

import pytest
from trajectories import Pair, Walker, counted, counting_line, counting_zone, session, via

from aforo.model import ROAD_USERS, Movement, PlaceKind
from aforo.site import Camera, Gate, TurningMovement

# A square junction, one gate per arm. Who comes in passes its gate inwards, who leaves another one outwards.
ARMS: dict[str, tuple[Pair, Pair, Pair]] = {  # gate from, gate to (its right-hand side is the junction), far end
    "north": ((0.7, 0.3), (0.3, 0.3), (0.5, 0.05)),
    "west": ((0.3, 0.3), (0.3, 0.7), (0.05, 0.5)),
    "south": ((0.3, 0.7), (0.7, 0.7), (0.5, 0.95)),
    "east": ((0.7, 0.7), (0.7, 0.3), (0.95, 0.5)),
}
GATES = tuple(counting_line(start, end, name=arm, directions=("out", "in")) for arm, (start, end, _) in ARMS.items())
TURNS = list(itertools.permutations(ARMS, 2))


def rule(origin: str, destination: str) -> TurningMovement:
    return TurningMovement(
        f"{origin}-{destination}", Gate(PlaceKind.LINE, origin, "in"), Gate(PlaceKind.LINE, destination, "out")
    )


JUNCTION = Camera("c", lines=GATES, movements=tuple(rule(*turn) for turn in TURNS))
ROUND = Camera("c", lines=GATES, movements=tuple(rule(a, b) for a, b in itertools.product(ARMS, repeat=2)))


def trajectory_through(*arms: str, steps: int = 8) -> list[Pair]:
    """From the far end of the first arm through the middle to the far end of the next, and so on."""
    corners = [ARMS[arms[0]][2]]
    for arm in arms[1:]:
        corners += [(0.5, 0.5), ARMS[arm][2]]
    return via(*corners, steps=steps)


def movements(camera: Camera, *walkers: Walker) -> list[Movement]:
    return [row for row in counted(camera, session(walkers)).of("movement") if isinstance(row, Movement)]


@pytest.mark.parametrize(("origin", "destination"), TURNS)
def test_each_of_the_twelve_turns(origin: str, destination: str) -> None:
    (row,) = movements(JUNCTION, Walker(trajectory_through(origin, destination), "car"))
    assert (row.movement, row.road_user, row.ordinal, row.final) == (f"{origin}-{destination}", "car", 0, True)
    assert row.entered_at_us < row.at_us


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize(("origin", "destination"), TURNS)
@pytest.mark.parametrize("order", [1, -1])
def test_a_fast_vehicle_turns_whatever_the_order_of_the_configuration(
    origin: str, destination: str, steps: int, order: int
) -> None:
    camera = Camera("c", lines=GATES[::order], movements=JUNCTION.movements[::order])
    path = trajectory_through(origin, destination, steps=steps)
    (row,) = movements(camera, Walker(path, "car"))
    assert row.movement == f"{origin}-{destination}"
    assert row.entered_at_us < row.at_us


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("origin", "destination"), [("north", "south"), ("south", "north"), ("west", "east"), ("east", "west")]
)
def test_both_gates_may_be_passed_between_two_frames(origin: str, destination: str, order: int) -> None:
    camera = Camera("c", lines=GATES[::order], movements=JUNCTION.movements[::order])
    (row,) = movements(camera, Walker([ARMS[origin][2], ARMS[destination][2]], "car"))
    assert row.movement == f"{origin}-{destination}"
    assert row.entered_at_us < row.at_us


def test_all_turns_and_all_classes_at_once() -> None:
    """Every turn once per class, in any order: the table is all ones."""
    walkers = [Walker(trajectory_through(*turn), road_user) for turn in TURNS for road_user in ROAD_USERS]
    random.Random(26).shuffle(walkers)
    rows = movements(JUNCTION, *walkers)
    assert sorted((row.movement, row.road_user) for row in rows) == sorted(
        (f"{a}-{b}", road_user) for a, b in TURNS for road_user in ROAD_USERS
    )


def test_a_turn_back_is_a_movement_only_where_it_is_asked_for() -> None:
    walker = Walker(trajectory_through("north", "north"), "car")
    assert movements(JUNCTION, walker) == []
    assert [row.movement for row in movements(ROUND, walker)] == ["north-north"]


def test_round_and_round_counts_every_time() -> None:
    """In from the north, out to the east, around and in from the north again: three turns, numbered."""
    lap = [ARMS["north"][2], (0.5, 0.5), ARMS["east"][2], (0.95, 0.05)]
    rows = movements(JUNCTION, Walker(via(*lap, *lap, *lap), "car"))
    assert [(row.movement, row.ordinal) for row in rows] == [("north-east", i) for i in range(3)]
    assert all(a.at_us < b.entered_at_us for a, b in itertools.pairwise(rows))


def test_the_wrong_way_round_is_no_movement() -> None:
    """Somebody who appears in the middle, leaves to the south and comes in from the north later: nothing as asked."""
    path = via((0.5, 0.5), ARMS["south"][2], (0.05, 0.95), (0.05, 0.05), ARMS["north"][2], (0.5, 0.5))
    camera = Camera("c", lines=GATES, movements=(rule("north", "south"),))
    assert movements(camera, Walker(path, "car")) == []


def test_the_time_of_entry_is_the_newest_entry() -> None:
    """Twice in from the north before leaving to the south: the movement began with the second."""
    path = via(ARMS["north"][2], (0.5, 0.5), ARMS["north"][2], (0.5, 0.5), ARMS["south"][2])
    table = counted(JUNCTION, session([Walker(path, "car")]))
    entries = [row.at_us for row in table.crossings if row.direction == "in"]
    rows = [row for row in table.of("movement") if isinstance(row, Movement)]
    assert [(row.movement, row.entered_at_us) for row in rows] == [("north-south", entries[1])]


def test_gates_may_be_zones() -> None:
    zones = (
        counting_zone((0.3, 0.0), (0.7, 0.0), (0.7, 0.2), (0.3, 0.2), name="top"),
        counting_zone((0.3, 0.8), (0.7, 0.8), (0.7, 1.0), (0.3, 1.0), name="bottom"),
    )
    down = TurningMovement("down", Gate(PlaceKind.ZONE, "top"), Gate(PlaceKind.ZONE, "bottom"))
    up = TurningMovement("up", Gate(PlaceKind.ZONE, "bottom"), Gate(PlaceKind.ZONE, "top"))
    for order in (1, -1):
        camera = Camera("c", zones=zones[::order], movements=(down, up))
        assert [r.movement for r in movements(camera, Walker(trajectory_through("north", "south"), "car"))] == ["down"]
        assert [r.movement for r in movements(camera, Walker([(0.5, 0.1), (0.5, 0.95)], "car"))] == ["down"]
        assert [r.movement for r in movements(camera, Walker(trajectory_through("south", "north"), "car"))] == ["up"]


def test_from_a_line_into_a_zone_in_one_step() -> None:
    zone = counting_zone((0.3, 0.8), (0.7, 0.8), (0.7, 1.0), (0.3, 1.0), name="bay")
    into = TurningMovement("into", Gate(PlaceKind.LINE, "south", "out"), Gate(PlaceKind.ZONE, "bay"))
    out = TurningMovement("out-of", Gate(PlaceKind.ZONE, "bay"), Gate(PlaceKind.LINE, "south", "in"))
    camera = Camera("c", lines=GATES, zones=(zone,), movements=(into, out))
    assert [row.movement for row in movements(camera, Walker([(0.5, 0.5), (0.5, 0.95)], "bus"))] == ["into"]
    assert [row.movement for row in movements(camera, Walker([(0.5, 0.95), (0.5, 0.5)], "bus"))] == ["out-of"]


def test_the_passage_that_was_earlier_comes_first_even_when_it_is_certain_later() -> None:
    """A long vehicle creeps just behind the origin's gate while it passes the destination's: times decide, not margins.

    The gates stand at right angles; the trajectory stays within the first gate's margin until the second is passed.
    """
    origin = counting_line((0.1, 0.5), (0.9, 0.5), name="origin", directions=("down", "up"))
    destination = counting_line((0.6, 0.9), (0.6, 0.1), name="destination", directions=("right", "left"))
    camera = Camera(
        "c",
        lines=(origin, destination),
        movements=(TurningMovement("turn", Gate(PlaceKind.LINE, "origin"), Gate(PlaceKind.LINE, "destination")),),
    )
    path = [(0.3, 0.45), (0.4, 0.501), (0.5, 0.502), (0.7, 0.503), (0.8, 0.503), (0.8, 0.7)]
    (row,) = movements(camera, Walker(path, "truck"))
    assert row.entered_at_us < row.at_us


def test_a_gate_without_a_direction_opens_both_ways() -> None:
    both = TurningMovement("any", Gate(PlaceKind.LINE, "north"), Gate(PlaceKind.LINE, "south"))
    camera = Camera("c", lines=GATES, movements=(both,))
    inside_out = via((0.5, 0.5), ARMS["north"][2], (0.05, 0.05), (0.05, 0.95), ARMS["south"][2], (0.5, 0.5))
    assert [row.movement for row in movements(camera, Walker(inside_out, "car"))] == ["any"]


def test_two_road_users_never_make_one_movement() -> None:
    half = trajectory_through("north", "south")
    middle = len(half) // 2
    assert movements(JUNCTION, Walker(half[: middle + 1], "car"), Walker(half[middle:], "car")) == []
