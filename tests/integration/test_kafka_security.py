"""Kafka with a password, over TLS: what a broker that others can reach asks for."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from city import KAFKA, City, eventually
from kafka_broker import running_broker
from requirements import program

from aforo.errors import BusError, ConfigurationError

pytestmark = [
    *KAFKA,
    pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"),
]

PASSWORD = "hunter2"
_PLAIN = f"""
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="aforo" password="{PASSWORD}" user_aforo="{PASSWORD}";
"""
_SCRAM = """
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
"""


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _authority(folder: Path, name: str) -> Path:
    """The certificate of an authority of the test's own; its key is beside it."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")
    _openssl(folder, "req", "-x509", *key, "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}")
    return folder / f"{name}.pem"


def _keystore(folder: Path, authority: Path) -> Path:
    """Key and certificate of a broker on 127.0.0.1, signed by the authority."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "broker.key")
    _openssl(folder, "req", *key, "-out", "broker.csr", "-subj", "/CN=broker")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    signed_by = ("-CA", str(authority), "-CAkey", str(authority.with_suffix(".key")), "-CAcreateserial")
    made = ("-days", "2", "-extfile", "names", "-out", "b.pem")
    _openssl(folder, "x509", "-req", "-in", "broker.csr", *signed_by, *made)
    keystore = folder / "keystore.pem"
    keystore.write_text((folder / "broker.key").read_text() + (folder / "b.pem").read_text())
    return keystore


@dataclass(frozen=True)
class Secured:
    """A broker that wants TLS and a password."""

    address: str
    authority: Path

    def city(self, folder: Path, **changed: object) -> City:
        """A city that may come in, unless what is changed prevents it."""
        kafka = {
            "security": "SASL_SSL",
            "ca_file": str(self.authority),
            "username": "aforo",
            "password": PASSWORD,
            "partitions": 2,
            "session_seconds": 3,
        }
        return City(folder, self.address, extra={"kafka": kafka | changed})


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    program("openssl", "certificates are made with it")
    folder = tmp_path_factory.mktemp("tls")
    authority = _authority(folder, "authority")
    properties = _SCRAM.format(keystore=_keystore(folder, authority), authority=authority)
    with running_broker("SASL_SSL", properties, f"SCRAM-SHA-512=[name=aforo,password={PASSWORD}]") as broker:
        secured = Secured(broker.address, authority)
        first = secured.city(folder)
        assert eventually(lambda: _creates(first))
        yield secured


def _creates(city: City) -> bool:
    try:
        city.address.create_topics(6)
    except BusError:
        return False
    return True


def test_what_is_published_over_tls_with_a_password_is_counted(secured: Secured, tmp_path: Path) -> None:
    city = secured.city(tmp_path)
    city.address.create_topics(len(city.cameras))
    messages = city.messages(10)
    expected = city.expected(messages)
    city.publish(messages)
    with city.process("aggregator"):
        assert city.wait_for(expected) == expected, city.log.read_text()[-3000:]
    assert PASSWORD not in city.log.read_text()


def test_a_wrong_password_is_one_sentence_without_it(secured: Secured, tmp_path: Path) -> None:
    city = secured.city(tmp_path, password="wrong-one")
    with pytest.raises(BusError, match=r"cannot reach Kafka at 127\.0\.0\.1:\d+: it refuses user aforo") as caught:
        city.address.create_topics(1)
    assert "wrong-one" not in str(caught.value)


def test_a_broker_of_an_unknown_authority_is_not_trusted(secured: Secured, tmp_path: Path) -> None:
    city = secured.city(tmp_path, ca_file=str(_authority(tmp_path, "stranger")))
    with pytest.raises(BusError, match=r"cannot reach Kafka .*/stranger\.pem does not vouch for its certificate"):
        city.address.create_topics(1)


def test_a_broker_without_tls_gets_the_password_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    with running_broker("SASL_PLAINTEXT", _PLAIN) as broker:
        login = {"security": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "username": "aforo", "partitions": 2}
        city = City(tmp_path, broker.address, extra={"kafka": login | {"password": PASSWORD}})
        assert eventually(lambda: _creates(city))
        city.publish(city.messages(1))
        stranger = City(tmp_path, broker.address, extra={"kafka": login | {"password": "wrong-one"}})
        with pytest.raises(BusError, match="it refuses user aforo") as caught:
            stranger.address.create_topics(1)
        assert "wrong-one" not in str(caught.value)


def test_the_broker_of_the_compose_file_lets_in_who_has_the_password_and_nobody_else(tmp_path: Path) -> None:
    deploy = Path(__file__).parents[2] / "deploy"
    services = yaml.safe_load((deploy / "compose.yaml").read_text(encoding="utf-8"))["services"]
    login = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): re.sub(r"\$\{KAFKA_PASSWORD:[^}]*\}", PASSWORD, value)
        for name, value in services["kafka"]["environment"].items()
        if "SASL_" in name
    }
    # user_aforo is the name of an option: the image turns only the variable's own name into dots.
    properties = "\n".join(f"{name}={value}" for name, value in login.items()).replace(
        "name.client", "name.sasl_plaintext"
    )
    (tmp_path / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    example = yaml.safe_load((deploy / "site.example.yaml").read_text(encoding="utf-8"))["kafka"]
    with running_broker("SASL_PLAINTEXT", properties) as broker:
        kafka = example | {"partitions": 2, "password_file": str(tmp_path / "password")}
        city = City(tmp_path, broker.address, extra={"kafka": kafka})
        assert eventually(lambda: _creates(city))
        (tmp_path / "password").write_text("another", encoding="utf-8")
        with pytest.raises(BusError, match="it refuses user aforo"):
            city.address.create_topics(1)
        stranger = City(tmp_path, broker.address, extra={"kafka": {"partitions": 2}})
        with pytest.raises(BusError, match="cannot reach Kafka"):
            stranger.address.create_topics(1)


def test_a_password_file_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    kafka = {"security": "SASL_SSL", "username": "aforo", "password_file": str(tmp_path / "password")}
    city = City(tmp_path, "127.0.0.1:9", extra={"kafka": kafka})
    with pytest.raises(ConfigurationError, match=r"cannot read kafka\.password_file .*No such file"):
        city.address.create_topics(1)
    (tmp_path / "password").write_text("\nhunter2", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="expected a password in its first line"):
        city.address.create_topics(1)
