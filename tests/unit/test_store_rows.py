from __future__ import annotations

import pytest

from aforo.model import Coverage, Crossing, Movement, Trajectory, Visit
from aggregate.store.rows import COVERAGE, CROSSINGS, MOVEMENTS, TRAJECTORIES, VISITS, Column, Table


@pytest.mark.parametrize(
    ("table", "row"),
    [(CROSSINGS, Crossing), (VISITS, Visit), (MOVEMENTS, Movement), (COVERAGE, Coverage), (TRAJECTORIES, Trajectory)],
    ids=lambda given: getattr(given, "name", None),
)
def test_a_table_has_the_attributes_of_its_row_in_their_order(table: Table, row: type) -> None:
    assert [column.field for column in table.columns] == list(row.__slots__)


def test_only_a_column_that_is_a_time_has_another_name_in_the_row() -> None:
    assert Column("heat", "double precision").field == "heat"
    assert Column("observed_us", "bigint").field == "observed_us"
    assert Column("left_at", "bigint", is_time=True).field == "left_at_us"
