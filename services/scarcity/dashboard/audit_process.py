"""One question to the audit, in a process of its own: reads it as JSON, writes lines of JSON.

The lines are what `dashboard.jobs` expects of an answer. Run as
`python -m scarcity.dashboard.audit_process`, with the environment of the dashboard.
"""

import asyncio
import gc
import os
import sys
from typing import Any

import msgspec
import orjson

from scarcity.broker.logs import configure_logging
from scarcity.broker.settings import KafkaSettings
from scarcity.dashboard.jobs import Asked
from scarcity.events.errors import ScarcityError

STEPS_TOLD = 100  # of an answer


def main() -> int:
    """Answer the question on standard input."""
    configure_logging()
    gc.disable()  # an audit makes no cycles, and the process ends with it
    try:
        asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
        _say(result=_answer(asked))
    except ModuleNotFoundError as error:
        _say(error=f"an audit needs the package {error.name}, which is not installed here")
    except ScarcityError as error:
        _say(error=str(error))
    return 0


def _answer(asked: Asked) -> Any:
    from scarcity.audit.log import read_log
    from scarcity.audit.rules import KnownRules
    from scarcity.broker.kafka import KafkaBroker
    from scarcity.dashboard.audit_answers import answer
    from scarcity.meta.settings import read_learning

    # Reading needs no producer: the broker's context is not entered.
    source = KafkaBroker(KafkaSettings.from_environment(os.environ))
    log = asyncio.run(read_log(source, lambda topic: _say(reading=topic)))
    _say(reading="")
    rules = KnownRules([read_learning(os.environ)])
    return answer(log, asked, rules, _tell_step)


def _tell_step(done: int, total: int) -> None:
    if done == total or done % max(1, total // STEPS_TOLD) == 0:
        _say(step=[done, total])


def _say(**line: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
