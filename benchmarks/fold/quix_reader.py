"""The same fold in Quix Streams: stateful apply, then to_topic; at least once, its defaults."""

from typing import Any

import orjson
from quixstreams import Application, State

from benchmarks.fold.counting import Arguments, Counter, tell
from benchmarks.fold.same_fold import FRAMEWORKS_TOPIC, fold


def main() -> None:
    """Fold until ended."""
    arguments, counter = Arguments(), Counter()
    application = Application(
        broker_address=arguments.bootstrap_servers,
        consumer_group="bench-quix",
        auto_offset_reset="earliest",
        state_dir=arguments.directory,
        loglevel="WARNING",
    )
    insights = application.topic(
        arguments.topic, value_deserializer="bytes", key_deserializer="str"
    )
    memory = application.topic(FRAMEWORKS_TOPIC, value_serializer="bytes", key_serializer="str")

    def take(value: bytes, state: State) -> bytes:
        folded = fold(orjson.loads(value), state.get("memory"))
        state.set("memory", folded)
        counter.done += 1
        return orjson.dumps(folded)

    frame: Any = application.dataframe(insights)
    frame.apply(take, stateful=True).to_topic(memory)
    tell(counter)
    application.run()


if __name__ == "__main__":
    main()
