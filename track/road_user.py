"""A road user while it is followed: its tracklets, what it is called, and how sure that is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from track.riders import Tie
from track.riding import RidingEvidence
from track.scene_scale import LARGEST_CAR, SMALLEST_LORRY, SizeNotes
from track.tracklet import ClassVotes, PartKind, Tracklet

DOUBTFUL_SHARE = 0.05
"""Least share of the votes for lorry and bus in a vehicle called a car that is taken for one because of its size."""

RIGHT_TIE = 0.97
"""How often those who were joined as a rider and a machine, or as one who pushes it, are so."""

UNFORESEEN = 0.01
"""How often a class is wrong for reasons that no evidence here knows of."""

LORRIES = ("bus", "truck")
_NO_VOTES = ClassVotes()


@dataclass(slots=True)
class RoadUser:
    """An open road user.

    Attributes:
        parts: its open tracklets by id.
        whole_kind: the kind that decides the class: the machine of a rider, the vehicle of a passenger.
        tie: how its tracklets belong together, if there are several.
        lost_votes: of its ended tracklets; so `lost_riding`, and `lost_sizes` of the one with the most.
        size: of a vehicle, in cars seen there before, and the number of notes that it was worked out from.
        only_pieces: whether all its ended tracklets were pieces of another vehicle.
        announced: True once it was in a message.
    """

    id: int
    parts: dict[int, Tracklet]
    whole_kind: PartKind
    tie: Tie | None = None
    lost_votes: dict[PartKind, ClassVotes] = field(default_factory=dict)
    lost_riding: RidingEvidence = field(default_factory=RidingEvidence)
    lost_sizes: SizeNotes = field(default_factory=SizeNotes)
    size: tuple[int, float | None] = (0, None)
    only_pieces: bool = True
    confirmed: bool = False
    announced: bool = False

    def road_user(self) -> str | None:
        """The class with the most votes so far, of the tracklets of `whole_kind`; of a person, what it rides."""
        if self.whole_kind is PartKind.PERSON and self.tie is None and (rider := self._riding().rider) is not None:
            return rider
        votes = self.votes()
        if self.whole_kind is not PartKind.VEHICLE or (size := self.size[1]) is None:
            return votes.best
        if votes.best in LORRIES and size <= LARGEST_CAR:
            return "car"
        if votes.best == "car" and size >= SMALLEST_LORRY and votes.share(*LORRIES) >= DOUBTFUL_SHARE:
            return votes.best_of(*LORRIES)
        return votes.best

    def class_confidence(self) -> float | None:
        """The probability that `road_user` is right, 0..1; None for classes of other models."""
        right = self._right()
        return None if right is None else right * (1 - UNFORESEEN)

    def _right(self) -> float | None:
        road_user = self.road_user()
        if self.whole_kind is PartKind.PERSON:
            if self.tie is Tie.PUSHES:
                return RIGHT_TIE
            riding = self._riding().probability
            return 1 - riding if road_user == "pedestrian" else riding
        found = self.votes().probabilities(self.size[1])
        if found is None or road_user not in found:
            return None
        return found[road_user] * (RIGHT_TIE if self.tie is Tie.RIDES else 1.0)

    def _riding(self) -> RidingEvidence:
        """What speaks for and against it being a rider whose machine is not tracked."""
        riding = RidingEvidence()
        riding.add(self.lost_riding)
        for tracklet in self.parts.values():
            riding.add(tracklet.riding)
        return riding

    def votes(self) -> ClassVotes:
        """The votes of all tracklets of `whole_kind`, those that ended, too."""
        votes = ClassVotes()
        votes.merge(self.lost_votes.get(self.whole_kind, _NO_VOTES))
        for tracklet in self.parts.values():
            if tracklet.kind is self.whole_kind:
                votes.merge(tracklet.votes)
        return votes

    def sizes(self) -> SizeNotes:
        """The notes of the tracklet that was seen on the longest way."""
        return max([self.lost_sizes, *(part.sizes for part in self.parts.values())], key=lambda each: len(each.notes))

    def take_over(self, other: RoadUser) -> None:
        """Take over the tracklets and votes of another road user, which is the same one."""
        self.parts |= other.parts
        self.confirmed |= other.confirmed
        self.only_pieces &= other.only_pieces
        self.lost_riding.add(other.lost_riding)
        self.lost_sizes = max(self.lost_sizes, other.lost_sizes, key=lambda each: len(each.notes))
        for kind, votes in other.lost_votes.items():
            self.lost_votes.setdefault(kind, ClassVotes()).merge(votes)

    def lose(self, tracklet_id: int) -> None:
        """Remove a tracklet that ended; its votes stay."""
        tracklet = self.parts.pop(tracklet_id)
        self.lost_votes.setdefault(tracklet.kind, ClassVotes()).merge(tracklet.votes)
        self.lost_riding.add(tracklet.riding)
        self.lost_sizes = max(self.lost_sizes, tracklet.sizes, key=lambda each: len(each.notes))
