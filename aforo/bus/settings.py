"""What can be set of a bus over Kafka."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Security of the connection to Kafka, and how its topics are made.

    >>> KafkaSettings(security="SSL", ca_file="/etc/ssl/broker.pem").partitions
    32

    Attributes:
        security: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        ca_file: PEM file of the authorities that signed the broker's key; None for those of the system.
        certificate_file: PEM file of the client's certificate.
        key_file: PEM file of the client's private key.
        sasl_mechanism: how user and password are proved: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
        username: user, for SASL.
        password: password, for SASL; not part of the text of the settings.
        password_file: file with the password in its first line, in place of `password`.
        partitions: of the topic of frames.
        replication: copies of each topic; -1 leaves it to the broker.
        retention_hours: how long messages are kept.
        session_seconds: a member of a group not heard of for so long is dead.
        compression: of the batches on the wire: lz4, gzip or none.
    """

    security: str = "PLAINTEXT"
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None
    partitions: int = 32
    replication: int = -1
    retention_hours: int = 168
    session_seconds: int = 10
    compression: str = "lz4"
