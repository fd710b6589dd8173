"""What can be set of a store in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimescaleSettings:
    """Life of the rows in TimescaleDB; in a PostgreSQL without it everything is kept.

    Attributes:
        chunk_days: days of rows in one chunk.
        compress_after_days: age at which chunks are compressed, days.
        keep_rows_days: age at which single rows, coverage and minutes are dropped, days; None keeps them. Hours and
            days stay.
        keep_trajectories_days: age at which trajectories are dropped, days; None keeps them.
        refresh_seconds: how often roll-ups take in what came late.
    """

    chunk_days: int = 7
    compress_after_days: int = 14
    keep_rows_days: int | None = None
    keep_trajectories_days: int | None = 90
    refresh_seconds: int = 60
