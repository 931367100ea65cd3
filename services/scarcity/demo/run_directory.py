"""Where a run keeps its broker's data and its logs."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from scarcity.events.errors import InputError, ServiceError


@contextlib.contextmanager
def run_directory(data_dir: Path | None) -> Iterator[Path]:
    """A directory of this run alone; a temporary one stays only when a process failed."""
    if data_dir is not None:
        directory = data_dir / datetime.now(UTC).strftime("run-%Y%m%d-%H%M%S")
        try:
            directory.mkdir(parents=True)
        except OSError as error:
            raise InputError(f"--data-dir {data_dir}: {error.strerror}: choose another") from None
        yield directory
        return
    directory = Path(tempfile.mkdtemp(prefix="scarcity-demo-"))
    try:
        yield directory
    except ServiceError:
        raise  # its message names the logs
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    shutil.rmtree(directory, ignore_errors=True)
