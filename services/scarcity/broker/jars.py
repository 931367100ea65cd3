"""Kafka's jars: resolved by jgo, locked with SHA-256 in kafka.lock, verified at each start.

The lock names artifacts, never where they come from: a mirror of Maven Central does as well.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from scarcity.broker.maven_settings import maven_settings
from scarcity.events.errors import ServiceError

KAFKA_VERSION: Final = "4.4.0"
# Kafka logs through slf4j 1.7; its own binding comes with the distribution, not with the artifact.
ROOTS: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5",
)
LOCK: Final = "kafka.lock"
FETCH_TIMEOUT_S: Final = 30
WHERE_TO_RUN: Final = (
    "run `scarcity broker fetch` once on a machine that reaches Maven Central or its mirror "
    "(~/.m2/settings.xml, or [repositories] of jgo's configuration) and copy its local Maven "
    "repository (~/.m2/repository, or M2_REPO) here; or name another Kafka with --bootstrap-servers"
)

Say = Callable[[str], None]
Fetch = Callable[[str], Path]


class LockedJar(NamedTuple):
    """An artifact and what its bytes must be."""

    coordinate: str  # group:artifact:version
    sha256: str


def read_lock(text: str) -> list[LockedJar]:
    """Parse a lock: `group:artifact:version sha256`, one a line, `#` begins a comment.

    Raises:
        ServiceError: a line is something else.

    >>> read_lock("# jars\\na.b:c:1 " + 64 * "0")[0].coordinate
    'a.b:c:1'
    """
    jars = []
    for number, line in enumerate(text.splitlines(), 1):
        if not (words := line.split("#")[0].split()):
            continue
        if len(words) != 2 or words[0].count(":") != 2 or len(words[1]) != 64:
            raise ServiceError(f"{LOCK} line {number} is damaged: install the package again")
        jars.append(LockedJar(*words))
    return jars


def packaged_lock() -> list[LockedJar]:
    """The lock that this package ships."""
    return read_lock(resources.files("scarcity.broker").joinpath(LOCK).read_text("utf-8"))


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve(lock: Iterable[LockedJar], fetch: Fetch) -> list[Path]:
    """Paths of all locked jars, each with the locked bytes.

    A file with other bytes (a download that was cut off) is fetched once more.

    Args:
        fetch: coordinate to path, from the local repository when it is there.

    Raises:
        ServiceError: a jar cannot be fetched, or its bytes differ from the lock.
    """

    def one(jar: LockedJar) -> Path:
        path = fetch(jar.coordinate)
        if sha256_of(path) == jar.sha256:
            return path
        path.unlink()
        path = fetch(jar.coordinate)
        if (got := sha256_of(path)) != jar.sha256:
            path.unlink()
            raise ServiceError(
                f"{jar.coordinate}: SHA-256 {got} differs from {LOCK} ({jar.sha256}): the "
                "repository serves another file; it was deleted: check your Maven mirror"
            )
        return path

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, lock))


def kafka_jars(say: Say = lambda line: print(line, file=sys.stderr)) -> list[Path]:
    """Kafka's class path: from the user's local Maven repository, missing ones downloaded.

    Args:
        say: told once when a download is needed.

    Raises:
        ServiceError: jgo is not installed, no network, or bytes differ from the lock.
    """
    return locked_jars(packaged_lock(), f"Apache Kafka {KAFKA_VERSION}", say)


def locked_jars(lock: list[LockedJar], what: str, say: Say) -> list[Path]:
    """All jars of a lock, missing ones downloaded; see :func:`kafka_jars`."""
    context = _context()
    missing = sum(not _artifact(context, jar.coordinate).cached_path.is_file() for jar in lock)
    if missing:
        say(f"fetching {what}: {missing} of {len(lock)} files, once")
    return resolve(lock, lambda coordinate: _fetch(context, coordinate))


def lock_text(roots: Iterable[str] = ROOTS, what: str = f"Apache Kafka {KAFKA_VERSION}") -> str:
    """A fresh lock: everything that ``roots`` need, resolved now; for whoever raises a version."""
    context = _context()
    chosen: dict[tuple[str, str], Any] = {}
    for root in roots:
        # One by one: resolved together, each would manage the versions of the others.
        inputs, transitive = context.resolver.resolve([context.create_dependency(root)])
        for dependency in (*inputs, *transitive):
            if dependency.scope not in ("test", "provided"):
                name = (dependency.groupId, dependency.artifactId)
                chosen.setdefault(name, dependency)
    lines = [
        f"{group}:{artifact}:{d.version} {sha256_of(d.artifact.resolve())}"
        for (group, artifact), d in chosen.items()
    ]
    head = f"# {what}; written by scarcity.broker.jars.lock_text.\n"
    return head + "\n".join(sorted(lines)) + "\n"


def _context() -> Any:
    try:
        from jgo.maven import MavenContext
    except ImportError:
        raise ServiceError(
            "the embedded broker needs the extra `broker`: pip install 'scarcity[broker]'"
        ) from None
    settings = maven_settings()
    return MavenContext(
        repo_cache=settings.local_repository,
        remote_repos=settings.remote_repos,
        timeout=FETCH_TIMEOUT_S,
    )


def _artifact(context: Any, coordinate: str) -> Any:
    return context.create_dependency(coordinate).artifact


def _fetch(context: Any, coordinate: str) -> Path:
    import requests

    try:
        path: Path = _artifact(context, coordinate).resolve()
    except requests.RequestException as error:
        raise ServiceError(
            f"cannot fetch {coordinate} ({type(error).__name__}): no network? {WHERE_TO_RUN}"
        ) from None
    except RuntimeError:  # jgo: no repository has it
        raise ServiceError(
            f"{coordinate} is in none of your Maven repositories: {WHERE_TO_RUN}"
        ) from None
    return path
