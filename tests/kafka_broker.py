"""A Kafka broker of the tests' own on 127.0.0.1: Apache Kafka where Java and Maven are, else noida-db, else none.

Apache Kafka's jars come from Maven Central on first use and stay in Aforo's cache.
"""

from __future__ import annotations

import importlib.util
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from requirements import absent

from app.assets.manifest import cache_directory

KAFKA_VERSION = "4.1.0"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>aforo</groupId><artifactId>broker</artifactId><version>1</version>
<packaging>pom</packaging><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
</dependency></dependencies></project>
"""
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners={protocol}://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={protocol}://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,{protocol}:{protocol}
inter.broker.listener.name={protocol}
log.dirs={folder}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.cleaner.enable=false
"""
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
_READY_S = 60.0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@cache
def kafka_jars() -> Path | str:
    """The folder of Apache Kafka's jars, fetched where they are missing; or why there is none."""
    folder = cache_directory() / f"kafka-{KAFKA_VERSION}"
    if (folder / "complete").is_file():
        return folder
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None:
        return "no Java" if java is None else "no Maven"
    with tempfile.TemporaryDirectory(prefix="aforo-mvn-") as name:
        Path(name, "pom.xml").write_text(_POM.format(version=KAFKA_VERSION))
        command = [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        try:
            result = subprocess.run(command, cwd=name, capture_output=True, text=True, timeout=110, check=False)
        except subprocess.TimeoutExpired:
            return "Maven did not finish in time"
    if result.returncode:
        return "Maven could not resolve Apache Kafka"
    (folder / "complete").touch()
    return folder


def _noida() -> str | None:
    """noida-db's binary itself: its command is a script whose child would outlive it."""
    package = importlib.util.find_spec("noida_db")
    if package is None or package.origin is None:
        return None
    binary = Path(package.origin).with_name("noida-db")
    return str(binary) if binary.is_file() else None


def shortest_session_s() -> int:
    """The shortest time after which these brokers believe that a silent member of a group is dead, seconds."""
    return 3 if isinstance(kafka_jars(), Path) else 6  # noida-db's cannot be changed


class Broker:
    """One broker with a data directory of its own; may be killed and started again at the same address.

    Args:
        folder: for its data.
        protocol: of the listener, with the properties that it needs.
        properties: more lines for the server's properties.
        scram: a user, as Kafka's tool for storage takes it.
    """

    def __init__(
        self, folder: Path, protocol: str = "PLAINTEXT", properties: str = "", scram: str | None = None
    ) -> None:
        self.folder = folder
        self.port, self._controller_port = _free_port(), _free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._protocol = protocol
        jars = kafka_jars()
        self._jars = jars if isinstance(jars, Path) else None
        self.name = "noida-db" if self._jars is None else f"Apache Kafka {KAFKA_VERSION} (KRaft)"
        if self._jars is None:
            if _noida() is None:
                absent(f"no Kafka broker: {jars}, and the package noida-db is not installed")
            if protocol != "PLAINTEXT":
                absent(f"no Apache Kafka: {jars}, and noida-db knows neither TLS nor SASL")
            return
        text = _PROPERTIES.format(
            port=self.port, controller_port=self._controller_port, folder=folder, protocol=protocol
        )
        (folder / "server.properties").write_text(text + properties)
        storage = self._java("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", "server.properties")
        users = [] if scram is None else ["--add-scram", scram]
        subprocess.run([*storage, *users], cwd=folder, check=True, capture_output=True)

    def _java(self, *arguments: str) -> list[str]:
        options = [
            "-Xmx320m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
        ]
        return ["java", *options, "-cp", f"{self._jars}/*", *arguments]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if self._jars is not None:
            command = self._java("kafka.Kafka", "server.properties")
        else:
            where = ["--data-dir", str(self.folder), "--host", "127.0.0.1"]
            command = [str(_noida()), "start", *where, "--only", "kafka", "--kafka-port", str(self.port)]
        log = (self.folder / "broker.log").open("ab")
        with log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.1)
        raise RuntimeError(f"the broker did not start: {(self.folder / 'broker.log').read_text()[-2000:]}")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            listening = probe.connect_ex(("127.0.0.1", self.port)) == 0
        if not listening or self._protocol != "PLAINTEXT":
            return listening
        try:
            client = KafkaAdminClient(bootstrap_servers=self.address, bootstrap_timeout_ms=1000)
        except (KafkaError, OSError):
            return False
        client.close()
        return True

    def partition_logs(self, topic: str) -> list[Path]:
        """The folders of a topic's partitions, to damage them while the broker is down; Apache Kafka only."""
        if self._jars is None:
            absent(f"no Apache Kafka: {kafka_jars()}, and only its log can be cut short here")
        return sorted((self.folder / "log").glob(f"{topic}-*"))

    def must_expire_members(self) -> None:
        """Skip a test whose killed process has to lose its partitions to others; Apache Kafka only."""
        if self._jars is None:
            absent(f"no Apache Kafka: {kafka_jars()}, and noida-db never gives up a silent member of a group")

    def kill(self) -> None:
        """SIGKILL; SIGTERM for noida-db, which writes down what it acknowledged only every few seconds, or then."""
        self._end(signal.SIGTERM if self._jars is None else signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


@contextmanager
def running_broker(protocol: str = "PLAINTEXT", properties: str = "", scram: str | None = None) -> Iterator[Broker]:
    """A broker that is ended with the test."""
    with tempfile.TemporaryDirectory(prefix="aforo-kafka-", ignore_cleanup_errors=True) as name:
        broker = Broker(Path(name), protocol, properties, scram)
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()
