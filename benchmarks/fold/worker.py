"""This project's memory worker: admission on, exactly once. An event is done once committed."""

import asyncio
import os

from benchmarks.fold.counting import Arguments, tell
from scarcity.broker.settings import KafkaSettings
from scarcity.memory.service import FoldWorker
from scarcity.memory.settings import MemorySettings


async def main() -> None:
    """Fold until ended."""
    settings = MemorySettings.from_environment(os.environ)
    worker = FoldWorker(KafkaSettings(Arguments().bootstrap_servers), settings)
    tell(lambda: worker.folded)
    await worker.run(lambda: False)


if __name__ == "__main__":
    asyncio.run(main())
