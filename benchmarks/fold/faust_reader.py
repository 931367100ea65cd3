"""The same fold in Faust: an agent with a Table in memory; at least once."""

import sys
from typing import Any

import faust
import orjson

from benchmarks.fold.counting import Arguments, Counter, tell
from benchmarks.fold.same_fold import FRAMEWORKS_TOPIC, fold


def main() -> None:
    """Fold until ended."""
    arguments, counter = Arguments(), Counter()
    app = faust.App(
        "bench-faust",
        broker=f"kafka://{arguments.bootstrap_servers}",
        store="memory://",
        datadir=arguments.directory,
        topic_partitions=arguments.partitions,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    insights = app.topic(arguments.topic, key_serializer="raw", value_serializer="raw")
    memory = app.topic(FRAMEWORKS_TOPIC, key_serializer="raw", value_serializer="raw")
    table = app.Table("clients", partitions=arguments.partitions)

    @app.agent(insights)
    async def take(stream: Any) -> None:
        async for key, value in stream.items():
            folded = fold(orjson.loads(value), table.get(key))
            table[key] = folded
            await memory.send(key=key, value=orjson.dumps(folded))
            counter.done += 1

    tell(counter)
    sys.argv = ["faust", "worker", "--loglevel", "ERROR", "--without-web"]
    app.main()


if __name__ == "__main__":
    main()
