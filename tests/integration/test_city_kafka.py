"""`aforo simulate` through a real broker into a real aggregator: the answer it promises is the one in the store."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from contextlib import closing
from pathlib import Path

from city import KAFKA, REPOSITORY, City, eventually
from kafka_broker import Broker

from aforo.tracked_batch import TrackedBatch
from app import assemble
from app.validation.synthetic_traffic import camera_section, traffic

pytestmark = KAFKA

_ROWS = {
    "crossings": "SELECT line, direction, road_user, count(*) FROM crossings WHERE final GROUP BY 1, 2, 3",
    "visits": "SELECT zone, road_user, count(*) FROM visits WHERE final GROUP BY 1, 2",
    "movements": "SELECT movement, road_user, count(*) FROM movements WHERE final GROUP BY 1, 2",
}


def _counts(store: Path, table: str) -> list[tuple[object, ...]]:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            return sorted(connection.execute(_ROWS[table]))
    except sqlite3.Error:
        return []


def _aforo(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "app.cli.main", *arguments], cwd=REPOSITORY, check=True, timeout=100)


def test_simulated_traffic_is_counted_as_the_simulator_says(kafka: Broker, tmp_path: Path) -> None:
    base = City(tmp_path, kafka.address, sections=[])
    config, answer = tmp_path / "simulated.yaml", tmp_path / "answer.json"
    _aforo("simulate", "-c", str(base.config), "--cameras", "8", "--write-config", str(config))
    base.config.write_text(config.read_text())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with base.process("aggregator", "--metrics-port", str(port)):
        assert eventually(lambda: base.said("counts partitions")), base.log.read_text()[-3000:]
        options = ("--cameras", "8", "--seconds", "40", "--fast", "--expect", str(answer))
        _aforo("simulate", "-c", str(config), *options)
        document = json.loads(answer.read_text())
        expected = {table: sorted(tuple(row.values()) for row in document[table]) for table in _ROWS}
        assert eventually(lambda: all(_counts(base.store, table) == expected[table] for table in _ROWS), 40), (
            base.log.read_text()[-3000:]
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answered:
            figures = answered.read().decode()
    assert sum(row[-1] for row in expected["crossings"]) > 50
    assert f"aforo_aggregator_frames_total {8 * (40 * 5 + 1)}.0" in figures
    lags = [line for line in figures.splitlines() if line.startswith("aforo_aggregator_lag_messages{")]
    assert len(lags) == 4
    assert all(line.endswith(" 0.0") for line in lags)


def test_the_answer_is_what_the_counting_makes_of_the_traffic() -> None:
    """In one process, without a bus: the plans and the counting agree, and the same seed gives the same again."""
    stage = assemble.counting_stage([camera_section(number) for number in range(4)])
    frames, answer = traffic(range(4), fps=5, road_users=8, seconds=60, seed=7)
    again, _ = traffic(range(4), fps=5, road_users=8, seconds=60, seed=7)
    messages = list(frames)
    assert messages == list(again)
    rows = [stage.add(TrackedBatch.of([message])) for message in messages]
    voided = {(key.camera, key.track_id) for part in rows for key in part.voided}
    assert voided
    assert answer.crossings == Counter(
        (row.line, row.direction, row.road_user) for part in rows for row in part.crossings if row.final
    )
    assert answer.visits == Counter((row.zone, row.road_user) for part in rows for row in part.visits if row.final)
    assert answer.movements == Counter(
        (row.movement, row.road_user) for part in rows for row in part.movements if row.final
    )
