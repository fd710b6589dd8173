"""What a road user is, from all its pictures together: the probability of each class. Pure.

A network names each picture. Its names are evidence, no verdict, and how much they say differs: "car" is nearly
always right, "truck" is also said of vans and of cars seen large or cut. So the names of one road user are weighed
as likelihood ratios: for each class, how often such a network would give these names to it (`RIGHT`, `MISTAKEN_FOR`),
times how often the class passes at all (`SHARE_OF_TRAFFIC`), times how likely its size beside the cars of the place is.

The figures are round ones, set from what is published and fitted to no recording: similar classes are what detectors
confuse most, and small pictures most of all (Hoiem, Chodpathumwan, Dai: Diagnosing error in object detectors, ECCV
2012; Bolya et al.: TIDE, ECCV 2020); of COCO's vehicles the networks know buses best and lorries least, for which COCO
has pick-ups, vans and fire engines alike. Whether the probabilities hold is checked in `docs/accuracy.md`, by a table.

The pictures of one road user resemble each other, so a hundred of them do not say a hundred times as much as one: they
count as `1 / CORRELATION` pictures at most (the design effect of cluster samples; Kish, Survey Sampling, 1965).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

SHARE_OF_TRAFFIC = {"car": 0.90, "truck": 0.07, "bus": 0.03, "cyclist": 0.5, "motorcyclist": 0.5}
"""Shares of the classes among motor vehicles, and among riders, before anything was seen."""

FAMILIES = (("car", "truck", "bus"), ("cyclist", "motorcyclist"))
"""Classes that are taken for one another: motor vehicles, and riders."""

RIGHT = {"car": 0.95, "truck": 0.70, "bus": 0.85, "cyclist": 0.90, "motorcyclist": 0.90}
"""How often a large picture of the class is given its own name."""

MISTAKEN_FOR = {
    "car": {"truck": 0.85, "bus": 0.15},
    "truck": {"car": 0.65, "bus": 0.35},
    "bus": {"truck": 0.65, "car": 0.35},
    "cyclist": {"motorcyclist": 1.0},
    "motorcyclist": {"cyclist": 1.0},
}
"""What the others are called, where one of the names is wrong."""

OTHER_THING = {"car": 0.02, "truck": 0.06, "bus": 0.08, "cyclist": 0.05, "motorcyclist": 0.05}
"""How often it is called a thing that is no road user here: of long vehicles, train, boat and airplane."""

SMALL_PX, LARGE_PX, SMALL_RIGHT = 24.0, 96.0, 0.75
"""Mean side from which a picture is large, and up to which it is small, pixels of the network's input; and by how much
less often the name of a small one is right."""

CORRELATION = 0.3
"""Of the names of two pictures of one road user."""

SIZES = {"car": ((0.8, 0.0, 0.1), (0.2, 0.2, 0.1)), "truck": ((1.0, 0.75, 0.22),), "bus": ((1.0, 0.85, 0.22),)}
"""Logarithm of the size in cars seen at the same place: shares, means and standard deviations of normal parts. Cars
vary by a tenth and vans are a fifth larger; the smallest box lorry has 1.5 times a car's mean side
(`track.scene_scale`)."""

SIZE_MISTAKEN = 0.02
"""Density of sizes that are none: boxes of two vehicles, or of half a one."""

UNKNOWN_THING = ""
"""In the place of a class: the name of a thing that is no road user."""


def probabilities(
    weights: Mapping[str, float], side_px: float, size_in_cars: float | None = None
) -> dict[str, float] | None:
    """The probability of each class that is like those named, together 1.

    Args:
        weights: per class, and `UNKNOWN_THING`, how often it was named; a picture of full confidence counts as 1.
        side_px: mean side of the pictures, pixels of the network's input.
        size_in_cars: logarithm of the size in cars seen at the same place, where that is known.

    Returns:
        None if nothing was named, or classes of whom nothing is known here: those of another model.
    """
    named = [name for name in weights if name != UNKNOWN_THING]
    if not named or any(name not in RIGHT for name in named):
        return None
    total = sum(weights.values())
    looks = total / (1 + CORRELATION * total)
    known = [family for family in FAMILIES if any(name in family for name in named)]
    logs = {}
    for name in (name for family in known for name in family):
        log = math.log(SHARE_OF_TRAFFIC[name])
        for other, weight in weights.items():
            log += looks * weight / total * math.log(_likelihood(name, other, side_px))
        if size_in_cars is not None and name in SIZES:
            log += math.log(_density(name, size_in_cars))
        logs[name] = log
    top = max(logs.values())
    shares = {name: math.exp(log - top) for name, log in logs.items()}
    together = sum(shares.values())
    return {name: share / together for name, share in shares.items()}


def _likelihood(true: str, named: str, side_px: float) -> float:
    """How often a picture of one class is given the name of another one, or its own."""
    if named == UNKNOWN_THING:
        return OTHER_THING[true]
    large = min(max(math.log(max(side_px, 1.0) / SMALL_PX) / math.log(LARGE_PX / SMALL_PX), 0.0), 1.0)
    right = RIGHT[true] * (SMALL_RIGHT + (1 - SMALL_RIGHT) * large)
    return right if named == true else max((1 - right) * MISTAKEN_FOR[true].get(named, 0.0), 1e-3)


def _density(name: str, size: float) -> float:
    return SIZE_MISTAKEN + sum(
        share * math.exp(-0.5 * ((size - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
        for share, mean, deviation in SIZES[name]
    )
