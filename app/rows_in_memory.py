"""Count rows held in memory, keyed as a store keys them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from aforo.model import MICROSECONDS, Crossing, Movement, Rows, Visit


@dataclass(slots=True)
class RowsInMemory:
    """Rows in memory, as a store would hold them."""

    crossings: dict[tuple[int, str, int], Crossing] = field(default_factory=dict)
    visits: dict[tuple[int, str, int], Visit] = field(default_factory=dict)
    movements: dict[tuple[int, str, int], Movement] = field(default_factory=dict)

    def add(self, rows: Rows) -> None:
        """Add rows: a row replaces the one of its key, a voided track loses all."""
        for crossing in rows.crossings:
            self.crossings[crossing.track_id, crossing.line, crossing.ordinal] = crossing
        for visit in rows.visits:
            self.visits[visit.track_id, visit.zone, visit.ordinal] = visit
        for movement in rows.movements:
            self.movements[movement.track_id, movement.movement, movement.ordinal] = movement
        voided = {key.track_id for key in rows.voided}
        if voided:
            for table in (self.crossings, self.visits, self.movements):
                for key in [key for key in table if key[0] in voided]:
                    del table[key]

    def of_line(self, line: str) -> Counter[tuple[str, str]]:
        """Road users per (direction, class) of a line."""
        return Counter((row.direction, row.road_user) for row in self.crossings.values() if row.line == line)

    def class_confidence(self, line: str) -> dict[tuple[str, str], float | None]:
        """Per (direction, class) of a line the mean probability that the class is right; None where it is not known."""
        shares: dict[tuple[str, str], list[float | None]] = {}
        for row in self.crossings.values():
            if row.line == line:
                shares.setdefault((row.direction, row.road_user), []).append(row.class_confidence)
        return {key: _mean([each for each in found if each is not None]) for key, found in shares.items()}

    def of_zone(self, zone: str) -> Counter[str]:
        """Visits per class of a zone."""
        return Counter(row.road_user for row in self.visits.values() if row.zone == zone)

    def of_movement(self, movement: str) -> Counter[str]:
        """Movements per class."""
        return Counter(row.road_user for row in self.movements.values() if row.movement == movement)

    def mean_dwell_s(self, zone: str) -> float | None:
        """Mean length of the visits to a zone that are over, seconds; None when there are none."""
        stays = [
            row.left_at_us - row.entered_at_us
            for row in self.visits.values()
            if row.zone == zone and row.left_at_us is not None
        ]
        return round(sum(stays) / len(stays) / MICROSECONDS, 2) if stays else None


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None
