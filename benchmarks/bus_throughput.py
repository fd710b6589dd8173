"""Tracked frames per second through broker, aggregators and store, beside what a bare consumer reads of the same topic.

    python benchmarks/bus_throughput.py [--cameras 200] [--seconds 60] [--aggregators 1 2] [--profile] [--paced]

Prints ratios with the machine and the versions; the counts are checked against the simulator's answer. Needs Java and
Maven (or noida-db) for the broker, as the tests do. With --profile it also says where one aggregator spends its time.
With --paced the cameras send as real ones would, `aforo simulate` on the same machine, and the aggregators keep up or
do not.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import platform
import pstats
import re
import socket
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack, closing
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from city import City, end
from kafka import KafkaConsumer, TopicPartition
from kafka_broker import running_broker

from aforo.bus import wire
from aforo.bus.kafka_connection import KafkaAddress
from aforo.bus.kafka_publisher import KafkaPublisher
from aforo.bus.partition_counter import LogRecords, PartitionCounter
from aforo.clock import SystemClock
from aggregate.store.sqlite.writer import SqliteStore
from app import assemble
from app.validation.synthetic_traffic import ExpectedCounts, traffic

FPS, ROAD_USERS = 5, 8
LONGEST_S = 300
BATCH = 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--aggregators", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--paced", action="store_true")
    options = parser.parse_args()
    with running_broker() as broker, tempfile.TemporaryDirectory() as name:
        print(
            f"{_machine()}; {broker.name}; Python {platform.python_version()}, kafka-python {version('kafka-python')}"
        )
        city = City(Path(name), broker.address, options.cameras, extra={"kafka": {"partitions": 8}})
        city.address.create_topics(options.cameras)
        if options.paced:
            for count in options.aggregators:
                _paced(city, count, options)
            return
        messages, answer, published = _publish(city, options)
        print(f"{messages} messages of {options.cameras} cameras, {ROAD_USERS} road users each, in one topic")
        bare, cpu_us = _bare_consumer(city.address, messages)
        print(f"  published by one process      {published:7.0f} per second")
        print(f"  read by a bare consumer       {bare:7.0f} per second, {cpu_us:4.0f} µs of processor time each")
        for count in options.aggregators:
            rate, cpu_us = _aggregators(city, count, messages, answer)
            cameras = f"{rate / FPS:.0f} cameras of {FPS} frames per second"
            print(
                f"  counted by {count} aggregator(s)    {rate:7.0f} per second, {cpu_us:4.0f} µs of processor time each"
            )
            print(f"    {rate / bare:.2f} of bare, {cameras}")
        if options.profile:
            _profile(city)


def _machine() -> str:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*: (.+)", text)
    return f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores"


def _publish(city: City, options: argparse.Namespace) -> tuple[int, ExpectedCounts, float]:
    frames, answer = traffic(range(options.cameras), fps=FPS, road_users=ROAD_USERS, seconds=options.seconds, seed=1)
    made = list(frames)
    publisher = KafkaPublisher(city.address, SystemClock())
    began_s = time.perf_counter()
    for frame in made:
        publisher.publish(frame)
    publisher.close()
    return len(made), answer, len(made) / (time.perf_counter() - began_s)


def _bare_consumer(address: KafkaAddress, messages: int) -> tuple[float, float]:
    consumer = KafkaConsumer(**address.options(), check_crcs=False, max_poll_records=1000)
    topic = address.topics.frames
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    count, began_s, began_cpu_s = 0, time.perf_counter(), time.process_time()
    while count < messages:
        count += sum(len(batch) for batch in consumer.poll(timeout_ms=500).values())
    rate = count / (time.perf_counter() - began_s)
    cpu_us = 1e6 * (time.process_time() - began_cpu_s) / count
    consumer.close()
    return rate, cpu_us


def _aggregators(city: City, count: int, messages: int, answer: ExpectedCounts) -> tuple[float, float]:
    """From when every aggregator counts to the last message, all in the store.

    Messages that were counted twice, because their partition was handed over before, are taken for counted.
    """
    _begin_anew(city)
    ports = [_free_port() for _ in range(count)]
    with ExitStack() as stack:
        processes = [stack.enter_context(city.process("aggregator", "--metrics-port", str(port))) for port in ports]
        while not all(counted := [_figure(port, "aforo_aggregator_frames_total") for port in ports]):
            time.sleep(0.02)
            if sum(counted) >= messages:
                sys.exit("one aggregator has counted everything before another began: publish more (--seconds)")
        behind = messages - sum(counted)
        began_s, began_cpu_s = time.perf_counter(), sum(_cpu_s(port) for port in ports)
        while _counted(city.store, answer.crossings.total()) != answer.crossings:
            if time.perf_counter() - began_s > LONGEST_S:
                sys.exit("the counts are not those of the simulator")
            time.sleep(0.2)
        rate = behind / (time.perf_counter() - began_s)
        cpu_us = 1e6 * (sum(_cpu_s(port) for port in ports) - began_cpu_s) / behind
        for process in processes:
            end(process)
    return rate, cpu_us


def _begin_anew(city: City) -> None:
    city.store.unlink(missing_ok=True)
    with city.address.admin() as admin:
        if city.address.topics.aggregators in str(admin.list_groups()):
            admin.delete_groups([city.address.topics.aggregators])


def _paced(city: City, count: int, options: argparse.Namespace) -> None:
    """Cameras at their own pace: how far behind the aggregators fall, and what processor time all of it takes."""
    _begin_anew(city)
    ports = [_free_port() for _ in range(count)]
    expect = city.folder / "expected.json"
    sizes = ("--cameras", options.cameras, "--fps", FPS, "--road-users", ROAD_USERS, "--seconds", options.seconds)
    with ExitStack() as stack:
        aggregators = [stack.enter_context(city.process("aggregator", "--metrics-port", str(port))) for port in ports]
        while not all(_figure(port, "process_cpu_seconds_total") for port in ports):
            time.sleep(0.1)
        before_s = sum(_cpu_s(port) for port in ports)
        began_s = time.perf_counter()
        simulator = stack.enter_context(city.process("simulate", *map(str, sizes), "--expect", str(expect)))
        behind: list[float] = []
        simulator_s = 0.0
        while simulator.poll() is None:
            behind.append(sum(_figure(port, "aforo_aggregator_lag_messages") for port in ports))
            simulator_s = _process_s(simulator.pid) or simulator_s
            time.sleep(0.5)
        took_s = time.perf_counter() - began_s
        crossings = {
            (row["line"], row["direction"], row["road_user"]): row["count"]
            for row in json.loads(expect.read_text())["crossings"]
        }
        while _counted(city.store, sum(crossings.values())) != crossings:
            if time.perf_counter() - began_s - took_s > LONGEST_S:
                sys.exit("the counts are not those of the simulator")
            time.sleep(0.1)
        late_s = time.perf_counter() - began_s - took_s
        aggregators_s = sum(_cpu_s(port) for port in ports) - before_s
        for process in aggregators:
            end(process)
    messages = options.cameras * (round(options.seconds * FPS) + 1)
    behind.sort()
    print(f"{messages} messages of {options.cameras} cameras, {ROAD_USERS} road users each, {count} aggregator(s)")
    print(f"  sent in {took_s:.0f} s, {messages / took_s:.0f} per second; all counted {late_s:.1f} s later")
    print(f"  messages behind: median {behind[len(behind) // 2]:.0f}, greatest {behind[-1]:.0f}")
    print(f"  aggregators {aggregators_s / took_s:.2f} cores, simulator {simulator_s / took_s:.2f} cores")


def _counted(store: Path, crossings: int) -> Counter[tuple[str, str, str]]:
    """What is counted for good; empty until there are so many crossings, so that asking costs little meanwhile."""
    sql = "SELECT line, direction, road_user, count(*) FROM crossings WHERE final GROUP BY 1, 2, 3"
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            if connection.execute("SELECT max(rowid) < ? FROM crossings", (crossings,)).fetchone()[0] != 0:
                return Counter()
            return Counter({(line, to, user): number for line, to, user, number in connection.execute(sql)})
    except sqlite3.Error:
        return Counter()


def _cpu_s(port: int) -> float:
    """Seconds of processor time of one aggregator so far."""
    return _figure(port, "process_cpu_seconds_total")


def _figure(port: int, name: str) -> float:
    """A figure of one aggregator now, over all its labels; 0 while there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answered:
            text = answered.read().decode()
    except OSError:
        return 0.0
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)", text, re.MULTILINE))


def _process_s(pid: int) -> float:
    """Processor time of a process so far, 0 where the system does not tell."""
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _profile(city: City) -> None:
    """The same work in this process, under the profiler, the broker's part left out."""
    frames, _ = traffic(range(len(city.cameras)), fps=FPS, road_users=ROAD_USERS, seconds=10, seed=1)
    sequences: Counter[str] = Counter()
    encoded = []
    for frame in frames:
        encoded.append(wire.encode(frame, sequences[frame.camera]))
        sequences[frame.camera] += 1
    counter = PartitionCounter(assemble.counting_stage(city.cameras))
    with SqliteStore(city.folder / "profiled.db") as store:
        profile = cProfile.Profile()
        profile.enable()
        for begin in range(0, len(encoded), BATCH):
            batch, sequence, _ = wire.decode_all(encoded[begin : begin + BATCH])
            positions = range(begin, begin + len(batch))
            store.write(counter.add(LogRecords(positions, [0] * len(batch), sequence, batch)))
        profile.disable()
    print(f"profile of {len(encoded)} messages:")
    pstats.Stats(profile).sort_stats("tottime").print_stats(18)


if __name__ == "__main__":
    main()
