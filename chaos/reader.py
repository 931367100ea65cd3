"""A slow consumer: `python -m chaos.reader SEEN_FILE`.

Follows `global-memory` as every service does and sleeps after each batch, so that it lags behind
for most of the run. It writes down its view when it has changed: by key, the hash of the value.
"""

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Final

from scarcity.broker.kafka import follow
from scarcity.broker.logs import configure_logging
from scarcity.broker.settings import KafkaSettings
from scarcity.events.topics import GLOBAL_MEMORY

NAP_S: Final = 0.5


async def run(seen: Path) -> None:
    """Until ended."""
    view: dict[str, str] = {}
    async for batch in follow(KafkaSettings.from_environment(os.environ), [GLOBAL_MEMORY]):
        for record in batch:
            key = (record.key or b"").decode()
            if record.value is None:
                view.pop(key, None)
            else:
                view[key] = hashlib.sha256(record.value).hexdigest()
        aside = seen.with_suffix(".new")
        aside.write_text(json.dumps(view), "utf-8")
        aside.replace(seen)
        await asyncio.sleep(NAP_S)


if __name__ == "__main__":
    configure_logging()
    asyncio.run(run(Path(sys.argv[1])))
