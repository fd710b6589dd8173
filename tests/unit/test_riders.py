"""Riders, passengers and bystanders: how many road users, of which class, with which id, and what is counted."""

from __future__ import annotations

import pytest
from road_scene import (
    Actor,
    Thing,
    bicycle,
    bus,
    car,
    every,
    going,
    motorcycle,
    person,
    play,
    rider,
    standing,
)

RIGHT_CYCLIST = {("right", "cyclist"): 1}
RIGHT_MOTORCYCLIST = {("right", "motorcyclist"): 1}
RIGHT_PEDESTRIAN = {("right", "pedestrian"): 1}


@pytest.mark.parametrize(
    ("machine", "speed", "expected"), [(bicycle(), 120, RIGHT_CYCLIST), (motorcycle(), 200, RIGHT_MOTORCYCLIST)]
)
def test_a_rider_and_the_machine_are_one_road_user_with_one_id_from_the_first_moment(
    machine: Thing, speed: float, expected: dict[tuple[str, str], int]
) -> None:
    outcome = play(Actor(going(50, speed), [rider(), machine]), seconds=900 / speed)
    assert outcome.crossings == expected
    (only,) = outcome.ids
    assert only == 1
    assert outcome.first_seen_s(only) == 0.0


def test_a_person_who_was_counted_before_the_machine_was_found_is_counted_once_in_the_end() -> None:
    late = bicycle(seen=lambda frame: frame >= 60)
    outcome = play(Actor(going(50, 100), [rider(), late]), seconds=9)
    provisional = [row for each in outcome.messages for row in each.objects if row.road_user == "pedestrian"]
    assert provisional, "the person passes the line as a pedestrian at first"
    assert outcome.crossings == RIGHT_CYCLIST


def test_a_machine_that_was_counted_before_its_rider_was_found_takes_the_younger_track_back() -> None:
    late = rider(seen=lambda frame: frame >= 50)
    outcome = play(Actor(going(50, 100), [bicycle(), late]), seconds=9)
    assert outcome.crossings == RIGHT_CYCLIST
    assert outcome.users == {"cyclist": 1}


def test_rows_of_an_absorbed_track_are_taken_back() -> None:
    """The person and the machine each pass the line before it is known that they belong together."""
    with_gap = rider(seen=lambda frame: frame < 40 or frame > 60, dx=-5)
    apart = motorcycle(seen=lambda frame: frame >= 20, dx=5)
    outcome = play(Actor(going(50, 100), [with_gap, apart]), seconds=9)
    assert outcome.crossings == RIGHT_MOTORCYCLIST


@pytest.mark.parametrize("machine", [bicycle(), motorcycle()])
def test_a_parked_machine_is_nobody(machine: Thing) -> None:
    outcome = play(Actor(standing(300), [machine]), Actor(standing(500), [machine]), noise=0.03)
    assert outcome.users == {}


def test_walking_past_parked_machines_joins_nobody() -> None:
    parked = [Actor(standing(x, 395), [bicycle()]) for x in (200, 420, 500, 700)]
    outcome = play(Actor(going(50, 90), [person()]), *parked, seconds=10)
    assert outcome.users == {"pedestrian": 1}
    assert outcome.crossings == RIGHT_PEDESTRIAN


def test_a_crowd_passing_a_bicycle_rack_stays_a_crowd() -> None:
    rack = [
        Actor(standing(300 + 55 * i, 395), [bicycle(seen=every(1 + i % 3, i), confidence=0.3 + 0.05 * i)])
        for i in range(8)
    ]
    crowd = [Actor(going(20 - 70 * i, 90, y=390 + 8 * (i % 3)), [person()]) for i in range(5)]
    outcome = play(*crowd, *rack, seconds=14)
    assert outcome.crossings == {("right", "pedestrian"): 5}
    assert outcome.users == {"pedestrian": 5}


def test_who_pushes_a_bicycle_is_a_pedestrian() -> None:
    outcome = play(Actor(going(50, 60), [person(dx=-20), bicycle(dx=10)]), seconds=14)
    assert outcome.crossings == RIGHT_PEDESTRIAN
    assert outcome.users == {"pedestrian": 1}


@pytest.mark.parametrize("again", range(18, 60, 6))
@pytest.mark.parametrize("first", [8, 12, 16])
def test_a_bad_box_of_the_machine_early_on_makes_nobody_a_pusher_for_good(first: int, again: int) -> None:
    """A piece whose lower end is cut puts the feet on the ground; the other boxes of the machine tell better."""
    cut = bicycle(raised=18, height=40, width=70, dx=6, seen=lambda frame: frame < first or again <= frame < again + 4)
    whole = bicycle(seen=lambda frame: frame >= first)
    outcome = play(Actor(going(50, 120), [rider(), cut, whole]), seconds=7)
    assert outcome.crossings == RIGHT_CYCLIST
    assert outcome.users == {"cyclist": 1}


def test_a_moving_bicycle_whose_rider_is_never_detected_is_a_cyclist() -> None:
    outcome = play(Actor(going(50, 120), [bicycle()]), seconds=7)
    assert outcome.crossings == RIGHT_CYCLIST


@pytest.mark.parametrize(("machine", "user"), [(bicycle, "cyclist"), (motorcycle, "motorcyclist")])
@pytest.mark.parametrize("n", [2, 3])
def test_a_machine_that_is_detected_only_now_and_then_still_makes_a_rider(machine: object, user: str, n: int) -> None:
    outcome = play(Actor(going(50, 120), [rider(), machine(seen=every(n))]), seconds=7)  # type: ignore[operator]
    assert outcome.crossings == {("right", user): 1}


def test_a_machine_detected_once_in_a_while_in_pieces_still_makes_a_rider() -> None:
    """Never long enough for one piece to show that it moves; together they do."""
    pieces = motorcycle(seen=lambda frame: frame % 8 in (0, 1))
    outcome = play(Actor(going(50, 200), [rider(), pieces]), seconds=4.5, fps=20)
    assert outcome.crossings == RIGHT_MOTORCYCLIST
    assert outcome.users == {"motorcyclist": 1}


def test_two_people_on_a_motorcycle_are_one_motorcyclist() -> None:
    outcome = play(Actor(going(50, 200), [rider(dx=8), rider(dx=-16, raised=22), motorcycle()]), seconds=4.5)
    assert outcome.crossings == RIGHT_MOTORCYCLIST
    assert outcome.users == {"motorcyclist": 1}


def test_a_pillion_who_is_detected_late_is_nobody_of_their_own() -> None:
    pillion = rider(dx=-18, raised=22, seen=lambda frame: frame >= 12)
    outcome = play(Actor(going(50, 200), [rider(dx=8), pillion, motorcycle()]), seconds=4.5)
    assert outcome.crossings == RIGHT_MOTORCYCLIST
    assert outcome.users == {"motorcyclist": 1}


def test_a_machine_with_two_boxes_is_one() -> None:
    second = bicycle(width=60, height=50, dx=12, confidence=0.4)
    outcome = play(Actor(going(50, 200), [rider(), motorcycle(), second]), seconds=4.5)
    assert outcome.users == {"motorcyclist": 1}


def test_walking_beside_a_cyclist_of_the_same_speed_stays_walking() -> None:
    cyclist = Actor(going(50, 70, y=400), [rider(), bicycle()])
    walker = Actor(going(115, 70, y=415), [person()])
    outcome = play(cyclist, walker, seconds=12)
    assert outcome.crossings == {("right", "cyclist"): 1, ("right", "pedestrian"): 1}


def test_two_cyclists_one_behind_the_other_stay_two() -> None:
    outcome = play(Actor(going(50, 120), [rider(), bicycle()]), Actor(going(-40, 120), [rider(), bicycle()]), seconds=9)
    assert outcome.crossings == {("right", "cyclist"): 2}


def test_two_cyclists_side_by_side_stay_two() -> None:
    """Seen from the front: their boxes overlap a little, and they have the same speed."""

    def front(x: float) -> Actor:
        return Actor(
            lambda t: (x + 90 * t, 250 + 12 * t),
            [rider(width=40, height=90), bicycle(width=24, height=60)],
        )

    outcome = play(front(50), front(85), seconds=10)
    assert outcome.crossings == {("right", "cyclist"): 2}


@pytest.mark.parametrize("spacing", [50, 65, 80])
def test_a_bunch_of_motorcycles_that_overlap_are_all_counted(spacing: float) -> None:
    """Dense traffic: every rider overlaps the neighbour's machine as well, all at the same speed."""
    bunch = [
        Actor(going(40 - spacing * i, 150, y=380 + 26 * (i % 2)), [rider(height=80), motorcycle(width=70)])
        for i in range(6)
    ]
    outcome = play(*bunch, seconds=10)
    assert outcome.crossings == {("right", "motorcyclist"): 6}
    assert outcome.users == {"motorcyclist": 6}


def test_in_a_bunch_a_rider_whose_machine_is_hidden_is_not_swallowed_by_the_neighbour() -> None:
    seen = Actor(going(50, 150, y=405), [rider(), motorcycle()])
    hidden = Actor(going(-5, 150, y=385), [rider()])
    outcome = play(seen, hidden, seconds=7)
    assert sum(outcome.crossings.values()) == 2


def test_a_person_box_that_slips_from_one_rider_to_the_next_joins_no_two_machines() -> None:
    """One rider is found first, then only the other one: the machines are seen apart all the time, so they are two."""
    first = Actor(going(80, 150), [rider(seen=lambda frame: frame < 20), motorcycle()])
    second = Actor(going(20, 150, y=406), [rider(seen=lambda frame: frame >= 20), motorcycle()])
    outcome = play(first, second, seconds=7)
    assert outcome.crossings == {("right", "motorcyclist"): 2}


@pytest.mark.parametrize(("vehicle", "user"), [(car(width=180, height=90), "car"), (bus(), "bus")])
def test_people_in_a_vehicle_are_nobody_of_their_own(vehicle: Thing, user: str) -> None:
    driver = person(width=30, height=35, dx=30, raised=vehicle.height * 0.45, confidence=0.5)
    other = person(width=26, height=34, dx=-30, raised=vehicle.height * 0.45, confidence=0.45)
    outcome = play(Actor(going(-100, 130), [vehicle, driver, other]), seconds=10)
    assert outcome.crossings == {("right", user): 1}
    assert outcome.users == {user: 1}


def test_a_person_standing_before_a_passing_bus_stays() -> None:
    waiting = Actor(standing(600, 420), [person()])
    outcome = play(Actor(going(-150, 140), [bus()]), waiting, seconds=11)
    assert outcome.users == {"bus": 1, "pedestrian": 1}


def test_a_cyclist_before_a_car_of_the_same_speed_stays_a_cyclist() -> None:
    outcome = play(
        Actor(going(50, 120, y=400), [car(width=200, height=100)]),
        Actor(going(60, 120, y=412), [rider(height=70), bicycle(height=40)]),
        seconds=8,
    )
    assert outcome.crossings == {("right", "car"): 1, ("right", "cyclist"): 1}


def test_who_was_taken_for_a_passenger_and_then_shows_a_bicycle_is_a_cyclist() -> None:
    shown = bicycle(height=40, width=60, seen=lambda frame: frame >= 30)
    outcome = play(
        Actor(going(0, 110, y=400), [car(width=260, height=130)]),
        Actor(going(10, 110, y=385), [rider(height=70), shown]),
        seconds=9,
    )
    assert outcome.crossings == {("right", "car"): 1, ("right", "cyclist"): 1}


def test_a_lorry_whose_upper_part_gets_a_box_of_its_own_is_one_truck() -> None:
    """As wide as the whole, a good half of its height, and above the ground."""
    whole = Thing("truck", 90, 120, confidence=0.6)
    upper = Thing("truck", 88, 70, raised=50, confidence=0.5)
    outcome = play(Actor(lambda t: (300 + 40 * t, 150 + 30 * t), [whole, upper]), seconds=9)
    assert outcome.users == {"truck": 1}


def test_cars_queueing_behind_each_other_stay_as_many_as_they_are() -> None:
    """Seen along the lane: boxes overlap, have almost the same sides and the same speed."""
    queue = [
        Actor(lambda t, i=i: (350 + 35 * t, 160 + 42 * i + 18 * t), [car(width=90 + 6 * i, height=75 + 5 * i)])
        for i in range(4)
    ]
    outcome = play(*queue, seconds=9)
    assert outcome.users == {"car": 4}
