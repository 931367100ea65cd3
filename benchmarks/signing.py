"""What it costs to verify who sent an insight: `python -m benchmarks.signing`.

Both workers of a row read the same insights, alternating, in one run; what is told is their ratio.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from benchmarks import tables
from benchmarks.fold import insights
from benchmarks.fold.__main__ import OURS, Reader, measure, prepare
from benchmarks.tables import Figure, Row, Table, Target
from scarcity.events.topics import insights_topic
from scarcity.events.types import Headers, Position, Record
from scarcity.keys.certificate import Certificate, issue, issuer_of
from scarcity.keys.files import write_key
from scarcity.keys.operators import MEMORY_SECRET_FILE_KEY, OPERATOR_KEYS_FILE_KEY
from scarcity.keys.record_mac import MacSecret, client_mac_key
from scarcity.keys.record_signing import Identity, sign_record
from scarcity.keys.signing import SigningKey
from scarcity.memory.admission import MAX_INSIGHT_BYTES, AdmissionLimits
from scarcity.memory.authority import Authority
from scarcity.memory.global_memory import GlobalMemory

OPERATOR = SigningKey(bytes([7] * 32))
SECRET = MacSecret(bytes([8] * 32))
FOREVER_MS = 4_000_000_000_000
TARGETS = tuple(Target(name, 0.3, at_least=True) for name in ("ratio", "ratio with MAC"))


class Signers:
    """Identities of the benchmark's clients; each is made when it first speaks."""

    def __init__(self) -> None:
        self._identities: dict[bytes, Identity] = {}

    def headers(self, key: bytes, sequence: int, value: bytes) -> Headers:
        """What a client's record carries."""
        identity = self._identities.get(key)
        if identity is None:
            signing = SigningKey(key.ljust(32, b"."))
            certificate = Certificate(
                key.decode(),
                insights.DOMAIN,
                signing.public.raw,
                1,
                0,
                FOREVER_MS,
                issuer_of(OPERATOR.public),
            )
            raw, shared = issue(certificate, OPERATOR), client_mac_key(signing, SECRET.public)
            identity = Identity(signing, certificate, raw, shared)
            self._identities[key] = identity
        return sign_record(identity, insights.TOPIC, key, sequence, value, for_memory=True)


def in_process(quick: bool) -> dict[str, Figure]:
    """The fold's core over records in memory: processor time an insight."""
    events, clients, repetitions = (2_000, 200, 2) if quick else (20_000, 2_000, 5)
    signers, topic = Signers(), insights_topic(insights.DOMAIN)
    told: list[tuple[bytes, bytes, Headers]] = []
    for event, (_, key, value) in enumerate(insights.insights(events, clients)):
        told.append((key, value, signers.headers(key, event // clients, value)))
    log = [
        Record(Position(topic, 0, at), key, value, FOREVER_MS - 1, headers)
        for at, (key, value, headers) in enumerate(told)
    ]
    operators = [OPERATOR.public]
    ways = {
        "unsigned": AdmissionLimits(),
        "signed": AdmissionLimits(authority=Authority(operators, MAX_INSIGHT_BYTES)),
        "MAC": AdmissionLimits(authority=Authority(operators, MAX_INSIGHT_BYTES, SECRET)),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repetitions):
        for name, limits in ways.items():
            memory = GlobalMemory(limits=limits)
            began = process_time()
            result = memory.fold(log)
            spent[name].append((process_time() - began) / events * 1e6)
            if result.dead_letters or len(memory) != clients:
                sys.exit("the fold is wrong")
    us = {name: median(found) for name, found in spent.items()}
    return {
        **{f"{name}, CPU us": figure for name, figure in us.items()},
        "ratio": us["unsigned"] / us["signed"],
        "ratio with MAC": us["unsigned"] / us["MAC"],
    }


def over_kafka(quick: bool) -> dict[str, Figure]:
    """The worker itself, exactly once, over a real broker."""
    events, clients, repetitions = (40_000, 2_000, 1) if quick else (100_000, 10_000, 3)
    with tempfile.TemporaryDirectory(prefix="scarcity-signing-") as name:
        directory = Path(name)
        write_key(directory / "operator.key", OPERATOR)
        (directory / "secret").write_text(SECRET.seed.hex())
        keys = f"{OPERATOR_KEYS_FILE_KEY}={directory / 'operator.key.pub'}"
        secret = f"{MEMORY_SECRET_FILE_KEY}={directory / 'secret'}"
        readers = {
            "unsigned": (_worker(), "bare"),
            "signed": (_worker(keys), "signed"),
            "MAC": (_worker(keys, secret), "signed"),
        }
        partitions = {
            "bare": prepare(directory / "bare", events, clients),
            "signed": prepare(directory / "signed", events, clients, Signers().headers),
        }
        rates: dict[str, list[float]] = {name: [] for name in readers}
        spent: dict[str, list[float]] = {name: [] for name in readers}
        for repetition in range(repetitions):
            for name, (reader, topic) in readers.items():
                (scratch := directory / "scratch").mkdir()
                found = measure(reader, directory / topic, scratch, partitions[topic], events)
                rates[name].append(found.events_per_s)
                spent[name].append(found.cpu_us)
                print(f"{repetition + 1}: {name}: {found.events_per_s:,.0f} events/s", flush=True)
    rate = {name: median(found) for name, found in rates.items()}
    return {
        **{f"{name}, events/s": figure for name, figure in rate.items()},
        "ratio": rate["signed"] / rate["unsigned"],
        "ratio with MAC": rate["MAC"] / rate["unsigned"],
        **{f"{name}, CPU us": median(found) for name, found in spent.items()},
    }


def _worker(*settings: str) -> Reader:
    def commands(servers: str, partitions: int, directory: Path) -> Sequence[Sequence[str]]:
        told = [servers, insights.TOPIC, str(partitions), str(directory)]
        return [["env", *settings, sys.executable, "-m", "benchmarks.fold.worker", *told]]

    return Reader(OURS, commands)


def verifiers(quick: bool) -> dict[str, Figure]:
    """One signature over an insight, by the libraries at hand: processor time, one thread."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from nacl.bindings import crypto_sign_open

    repetitions = 500 if quick else 5_000
    key = Ed25519PrivateKey.from_private_bytes(bytes([5] * 32))
    public, message = key.public_key(), os.urandom(2_400)
    raw, signature = public.public_bytes_raw(), key.sign(message)
    ways: Mapping[str, Callable[[], object]] = {
        "libsodium, us": lambda: crypto_sign_open(signature + message, raw),
        "OpenSSL, us": lambda: public.verify(signature, message),
        "signing, us": lambda: key.sign(message),
    }
    figures: dict[str, Figure] = {}
    for name, way in ways.items():
        began = process_time()
        for _ in range(repetitions):
            way()
        figures[name] = (process_time() - began) / repetitions * 1e6
    return figures


def threads(quick: bool) -> dict[str, Figure]:
    """Verifying in one thread and in two, wall time: whether threads help on this machine."""
    from concurrent.futures import ThreadPoolExecutor

    events = 1_000 if quick else 8_000
    signers, topic = Signers(), insights_topic(insights.DOMAIN)
    log = [
        Record(Position(topic, 0, at), key, value, 1, signers.headers(key, 0, value))
        for at, (_, key, value) in enumerate(insights.insights(events, events))
    ]
    authority = Authority([OPERATOR.public], MAX_INSIGHT_BYTES)
    took: dict[int, float] = {}
    with ThreadPoolExecutor(2) as pool:
        for count in (1, 2):
            parts = [log[at::count] for at in range(count)]
            began = perf_counter()
            list(pool.map(lambda part: authority.judge_all(part, None), parts))
            took[count] = (perf_counter() - began) / events * 1e6
    return {
        "one thread, us": took[1],
        "two threads, us": took[2],
        "gain": took[1] / took[2],
    }


TABLE = Table(
    "signing",
    "Cost of signatures",
    """Insights of about 2 kB, each with its certificate and an Ed25519 signature (230 bytes more).
The memory verifies every one of them; certificates are verified once. `ratio` is the signed
rate over the unsigned one of the same run (in the row without a broker: of processor time). The
worker verifies in threads before it folds, so with free cores the ratio is better than that of
processor time. `MAC`: the memory has a secret, and checks a keyed BLAKE2b in place of the
signature, which is there all the same, for audits (docs/enrolment.md).""",
    (
        Row(
            "over Kafka",
            over_kafka,
            TARGETS,
            explanation="Signatures are judged in threads, so the ratio depends on free cores: "
            "with both taken by other work it was .28 to .44. The MAC needs none.",
        ),
        Row(
            "without a broker",
            in_process,
            TARGETS[1:],
            in_quick=True,
            explanation="One thread and no broker: here a signature costs three times the fold. "
            "That is why the worker judges in threads, and why there is a MAC.",
        ),
        Row("threads", threads, in_quick=True),
        Row("one signature", verifiers, in_quick=True),
    ),
)


if __name__ == "__main__":
    tables.main("benchmarks.signing", [TABLE])
