"""The files of deploy/, checked as far as that is possible without a container engine or systemd."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import socket
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from requirements import absent, program

from aforo.config.reading import load_site
from app.cli.main import app

DEPLOY = Path(__file__).parents[2] / "deploy"
COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))

_SERVICE_KEYS = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count
cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy
develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends
external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links logging
mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable
oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider pull_policy read_only
restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs
tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir
"""
SERVICE_KEYS = frozenset(_SERVICE_KEYS.split())
"""Every key of a service in the Compose specification."""

IMAGES = {
    # As the images' own pages document them: every KAFKA_… is a property of the broker.
    "apache/kafka": re.compile(r"KAFKA_[A-Z_]+|CLUSTER_ID"),
    "timescale/timescaledb": re.compile(r"POSTGRES_(USER|PASSWORD|DB|INITDB_ARGS)|TIMESCALEDB_TELEMETRY|TS_TUNE_\w+"),
    "aforo": re.compile(r"PGPASSWORD|AFORO_CACHE"),
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return document


def test_the_compose_file_has_only_keys_of_the_specification(compose: dict[str, Any]) -> None:
    assert {key for key in compose if not key.startswith("x-")} == {"name", "secrets", "services", "volumes"}
    for name, service in compose["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        assert "image" in service, name


def test_services_and_volumes_that_are_named_exist(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in compose["services"], name
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in compose["services"][needed]
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source.startswith("./") or source in compose["volumes"], (name, mount)
    build = compose["services"]["api"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == (DEPLOY / "Dockerfile").resolve()


def test_images_have_a_version_and_get_variables_that_they_document(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        image, _, tag = service["image"].partition(":")
        assert tag or image == "aforo", name
        assert tag != "latest"
        for variable in service["environment"]:
            assert IMAGES[image].fullmatch(variable), (name, variable)


def test_the_one_broker_keeps_every_topic_alone_and_makes_none_unasked(compose: dict[str, Any]) -> None:
    kafka = compose["services"]["kafka"]["environment"]
    assert set(kafka["KAFKA_PROCESS_ROLES"].split(",")) == {"broker", "controller"}
    copies = {name: value for name, value in kafka.items() if name.endswith(("REPLICATION_FACTOR", "MIN_ISR"))}
    # Kafka's own default of these is 3, with which a single broker can make none of its internal topics.
    for topic in ("OFFSETS_TOPIC", "TRANSACTION_STATE_LOG"):
        assert f"KAFKA_{topic}_REPLICATION_FACTOR" in copies
    assert set(copies.values()) == {1}
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"  # Aforo makes its topics, with their partitions
    mounted = {mount.split(":")[1] for mount in compose["services"]["kafka"]["volumes"]}
    assert kafka["KAFKA_LOG_DIRS"] in mounted


def test_the_listeners_of_the_broker_agree_with_each_other(compose: dict[str, Any]) -> None:
    kafka = compose["services"]["kafka"]["environment"]
    listeners = dict(entry.split("://") for entry in kafka["KAFKA_LISTENERS"].split(","))
    assert set(listeners) == {entry.split(":")[0] for entry in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")}
    # Who reached the controller could do anything without a password: only the broker itself can.
    assert listeners[kafka["KAFKA_CONTROLLER_LISTENER_NAMES"]] == "127.0.0.1:9093"
    assert kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{kafka['KAFKA_NODE_ID']}@127.0.0.1:9093"
    assert kafka["KAFKA_ADVERTISED_LISTENERS"] == f"{kafka['KAFKA_INTER_BROKER_LISTENER_NAME']}://kafka:9092"


def test_no_secret_is_in_the_files_and_only_the_api_is_published_on_loopback(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8000:8000"]}
    passwords = 0
    for service in compose["services"].values():
        for variable, value in service["environment"].items():
            assert "PASSWORD" not in variable or str(value).startswith("${POSTGRES_PASSWORD:?"), variable
            for given in re.findall(r'(?:password|user_\w+)="(.*?)"', str(value)):
                assert re.fullmatch(r"\$\{KAFKA_PASSWORD:\?[^}]+\}", given), variable
                passwords += 1
    assert passwords == 2  # the broker's own, and the one it asks for
    assert compose["secrets"] == {"kafka_password": {"environment": "KAFKA_PASSWORD"}}


def test_every_service_has_a_health_check_that_its_image_can_run(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        kind, program, *_ = service["healthcheck"]["test"]
        assert kind in ("CMD", "CMD-SHELL"), name
        assert kind == "CMD-SHELL" or program in ("grep", "python", "bash"), name
        assert {"interval", "timeout", "retries"} <= set(service["healthcheck"]), name


def test_the_health_check_of_workers_finds_a_connection_to_a_port_and_nothing_else(compose: dict[str, Any]) -> None:
    table = Path("/proc/net/tcp")
    if not table.is_file() or shutil.which("grep") is None:
        absent("no table of connections on this machine")
    _, *command = compose["services"]["worker"]["healthcheck"]["test"]
    assert f":{9092:04X} 01 " in command

    def healthy(port: int) -> bool:
        done = subprocess.run([part.replace(f"{9092:04X}", f"{port:04X}") for part in command], check=False)
        return done.returncode == 0

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not healthy(port)  # it listens, and nobody is connected
        with socket.create_connection(("127.0.0.1", port)):
            assert healthy(port)


def test_the_example_site_is_valid_and_reaches_the_services(compose: dict[str, Any]) -> None:
    site = load_site(DEPLOY / "site.example.yaml")
    assert str(site.bus) == "kafka://kafka:9092"
    database = compose["services"]["database"]["environment"]
    assert site.store.reveal() == f"postgresql://{database['POSTGRES_USER']}@database/{database['POSTGRES_DB']}"
    assert site.kafka.password_file == "/run/secrets/kafka_password"
    assert all("kafka_password" in compose["services"][name]["secrets"] for name in ("worker", "aggregator", "kafka"))
    assert site.kafka.partitions >= compose["services"]["aggregator"]["deploy"]["replicas"]


def test_commands_of_the_services_are_commands_of_aforo(compose: dict[str, Any]) -> None:
    commands = [service["command"] for service in compose["services"].values() if service["image"] == "aforo"]
    assert {command[0] for command in commands} == {"worker", "aggregator", "serve"}
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["aforo"]' in dockerfile
    for command in commands:
        assert command[0] in COMMANDS
        assert command[1:] == ["-c", "/etc/aforo/site.yaml"]


def test_the_image_copies_what_it_installs_from() -> None:
    copied = re.findall(r"/app/(\S+\.txt)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert copied
    for name in copied:
        assert (DEPLOY.parent / name).is_file()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_of_aforo_without_root(path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    assert unit.sections() == ["Unit", "Service", "Install"]
    program, command, *options = shlex.split(unit["Service"]["ExecStart"])
    assert program == "/opt/aforo/.venv/bin/aforo"
    assert command in COMMANDS
    assert options == ["-c", "/etc/aforo/site.yaml"]
    assert unit["Service"]["User"] == "aforo"
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    analyze = program("systemd-analyze", "the units are checked with it; install systemd")
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace("/opt/aforo/.venv/bin/aforo", "/bin/true")
        copy = tmp_path / path.name.replace("@", "@1")
        copy.write_text(text, encoding="utf-8")
        done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_every_unit_keeps_what_is_compiled_where_it_may_write() -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        text = unit.read_text(encoding="utf-8")
        if "/aforo " in text:
            assert "NUMBA_CACHE_DIR=/var/cache/aforo/numba" in text, unit.name


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_confined_as_far_as_its_work_allows(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "ProtectSystem=strict" in text
    assert "SystemCallFilter=~@privileged" in text
    assert not re.search(r"^MemoryDenyWriteExecute=(yes|true|1)", text, re.MULTILINE), "numba and OpenVINO compile"
    assert not re.search(r"^PrivateNetwork=(yes|true|1)", text, re.MULTILINE), "cameras are on the network"
    written = re.findall(r"=/var/(?:cache|lib)/(\w+)", text)
    assert written
    assert set(written) == {"aforo"}
    for folder, setting in (("/var/cache/aforo", "CacheDirectory=aforo"), ("/var/lib/aforo", "StateDirectory=aforo")):
        assert folder not in text or setting in text.splitlines(), f"{folder} could not be written"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_rates_the_exposure_of_a_unit_at_most_3(path: Path) -> None:
    analyze = program("systemd-analyze", "the units are checked with it; install systemd")
    # The threshold is in tenths: 30 is an exposure of 3.0.
    command = [analyze, "security", "--no-pager", "--offline=true", "--threshold=30", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        absent("this systemd-analyze cannot look at a unit that is not loaded: it takes systemd 250 or later")
    assert "Overall exposure level" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout


def _pins(file: str) -> dict[str, str]:
    text = (DEPLOY / file).read_text(encoding="utf-8")
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    return {re.sub("[-_.]+", "-", name).lower(): version for name, version in found}


def test_every_library_of_the_image_has_one_version_and_hashes() -> None:
    blocks = re.split(r"\n(?=\w)", (DEPLOY / "requirements.txt").read_text(encoding="utf-8"))[1:]
    assert len(blocks) > 80
    for block in blocks:
        first, *rest = block.strip().splitlines()
        assert "==" in first, first
        assert rest, first
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in rest), first


def test_the_image_gets_the_versions_that_are_tested_and_all_that_aforo_needs() -> None:
    locked, tested = _pins("requirements.txt"), _pins("constraints.txt")
    assert {name: version for name, version in locked.items() if tested.get(name, version) != version} == {}
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[\[<>=~! ]", line)[0].lower() for line in project["dependencies"]} - {"opencv-python"}
    assert needed | {"opencv-python-headless", "setuptools"} <= set(locked)
    assert "opencv-python" not in locked  # both builds would lie in the same folder
    assert "pytest" not in locked


def test_the_image_takes_nothing_without_a_hash() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    installs = re.findall(r"pip install [^&\n]+", text)
    assert installs
    assert all("--require-hashes" in install or "--no-index" in install for install in installs), installs


def test_images_from_elsewhere_have_exact_versions_and_every_digest_is_one(compose: dict[str, Any]) -> None:
    (base,) = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    images = [service["image"] for service in compose["services"].values() if service["image"] != "aforo"]
    for image in (base, *images):
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+[a-z0-9-]*(@sha256:[0-9a-f]{64})?", image), image
    assert "@sha256:" in base
