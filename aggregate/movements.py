"""Turning movements: who came in through one gate and left through another. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Gate:
    """One end of a movement: a line (in one direction, if named) or the entry to a zone."""

    kind: str
    place: str
    direction: str | None = None

    def opens_for(self, kind: str, place: str, direction: str) -> bool:
        """Whether that passage is one of this gate."""
        return self.kind == kind and self.place == place and self.direction in (None, direction)


@dataclass(frozen=True, slots=True)
class MovementRule:
    """From one gate to another."""

    id: str
    origin: Gate
    destination: Gate
    version: str


@dataclass(slots=True)
class MovementState:
    """Where one track stands with respect to one movement."""

    entered_at_us: int | None = None
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """A movement that is complete."""

    rule: MovementRule
    ordinal: int
    entered_at_us: int
    at_us: int


@dataclass(slots=True)
class MovementFinder:
    """Puts the gates that one track passes together to movements."""

    rules: tuple[MovementRule, ...]
    _states: dict[str, MovementState] = field(default_factory=dict)

    def passed(self, kind: str, place: str, direction: str, at_us: int) -> list[Turn]:
        """Take in the next gate, in the order of time; returns the movements it completes.

        Every passage of the origin starts the movement anew, so that who goes round and round counts each time once.
        """
        turns: list[Turn] = []
        for rule in self.rules:
            state = self._states.setdefault(rule.id, MovementState())
            if state.entered_at_us is not None and rule.destination.opens_for(kind, place, direction):
                turns.append(Turn(rule, state.ordinal, state.entered_at_us, at_us))
                state.ordinal += 1
                state.entered_at_us = None
            if rule.origin.opens_for(kind, place, direction):
                state.entered_at_us = at_us
        return turns
