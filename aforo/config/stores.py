"""The configuration of Kafka and of TimescaleDB."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, model_validator

from aforo.config.base import Section


class KafkaSection(Section):
    """Kafka, where `bus` names it: security, and how its topics are made.

    >>> KafkaSection(security="SASL_SSL", username="aforo", password="secret").password
    SecretStr('**********')
    """

    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Encryption (SSL) and login (SASL) of the connection."
    )
    ca_file: str | None = Field(default=None, description="PEM file of the authorities that signed the broker's key.")
    certificate_file: str | None = Field(default=None, description="PEM file of the client's certificate.")
    key_file: str | None = Field(default=None, description="PEM file of the client's private key.")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How user and password are proved."
    )
    username: str | None = Field(default=None, description="User, for SASL.")
    password: SecretStr | None = Field(default=None, description="Password, for SASL.")
    password_file: str | None = Field(
        default=None,
        description="File with the password in its first line, in place of password.",
    )
    partitions: int = Field(
        default=32, ge=1, le=10_000, description="Partitions of the topic of frames; the most aggregators at work."
    )
    replication: int = Field(
        default=-1, ge=-1, le=9, description="Copies of each topic; -1 leaves it to the broker (3 is usual)."
    )
    retention_hours: int = Field(
        default=168, ge=1, le=87_600, description="How long messages are kept; the longest outage that loses nothing."
    )
    session_seconds: int = Field(
        default=10,
        ge=2,
        le=300,
        description="A worker or aggregator not heard of for so long is dead: others take over. "
        "Kafka takes none below 6, unless told otherwise.",
    )
    compression: Literal["lz4", "gzip", "none"] = Field(default="lz4", description="Of the batches on the wire.")

    @model_validator(mode="after")
    def _login(self) -> KafkaSection:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        secret = self.password if self.password_file is None else self.password_file
        if self.security.startswith("SASL") and (self.username is None or secret is None):
            raise ValueError(f"security {self.security} needs username and password")
        return self

    @model_validator(mode="after")
    def _all_used(self) -> KafkaSection:
        parts = {
            "SASL": ("username", "password", "password_file"),
            "SSL": ("ca_file", "certificate_file", "key_file"),
        }
        for part, keys in parts.items():
            for key in keys:
                if part not in self.security and getattr(self, key) is not None:
                    raise ValueError(f"{key} has no effect with security {self.security}; give one with {part} in it")
        if "SASL" not in self.security and "sasl_mechanism" in self.model_fields_set:
            raise ValueError(f"sasl_mechanism has no effect with security {self.security}; leave it out")
        return self


_ROLL_UP_DAYS = 7
"""Days of rows from which days are still added up."""


class TimescaleSection(Section):
    """Life of the rows in TimescaleDB. In a PostgreSQL without it, and in SQLite, everything is kept.

    >>> TimescaleSection(chunk_days=1, keep_trajectories_days=30).compress_after_days
    14
    """

    chunk_days: int = Field(default=7, ge=1, le=365, description="Days of rows in one chunk.")
    compress_after_days: int = Field(
        default=14, ge=1, le=36_500, description="Age at which chunks are compressed; later corrections cost more."
    )
    keep_rows_days: int | None = Field(
        default=None,
        ge=8,
        le=36_500,
        description="Age at which single crossings, visits and movements, coverage and "
        "minutes are dropped; hours and days stay. Default: never.",
    )
    keep_trajectories_days: int | None = Field(
        default=90, ge=1, le=36_500, description="Age at which trajectories are dropped, and no recount is possible."
    )
    refresh_seconds: int = Field(
        default=60, ge=1, le=86_400, description="How often roll-ups take in what came late. New rows show at once."
    )

    @model_validator(mode="after")
    def _in_order(self) -> TimescaleSection:
        least = max(self.compress_after_days, _ROLL_UP_DAYS) + self.chunk_days
        if self.keep_rows_days is not None and self.keep_rows_days < least:
            raise ValueError(
                f"keep_rows_days must be at least chunk_days more than compress_after_days and {_ROLL_UP_DAYS}, "
                f"so {least}, got {self.keep_rows_days}"
            )
        return self
