import socket

from scarcity.broker.plan import Plan, Refusal
from scarcity.broker.settings import KafkaSettings
from scarcity.doctor.cluster import check_broker, judge_clock, judge_plan
from scarcity.doctor.finding import Verdict


async def test_no_broker_says_how_to_start_one() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    finding = await check_broker(KafkaSettings(address))
    assert finding.verdict is Verdict.FAILED
    assert address in finding.found
    assert "scarcity broker start" in finding.advice


def test_differences_of_topics_fail() -> None:
    assert judge_plan(Plan(())).verdict is Verdict.OK
    finding = judge_plan(Plan((Refusal("ledger", "fewer partitions"),)))
    assert finding.verdict is Verdict.FAILED
    assert "ledger" in finding.found
    assert "scarcity topics apply" in finding.advice


def test_a_record_of_the_future_shows_that_this_clock_is_behind() -> None:
    assert judge_clock(None, 0).verdict is Verdict.SKIPPED
    assert judge_clock(1_000_000, 1_000_000).verdict is Verdict.OK
    assert judge_clock(1_000_000, 9_000_000).verdict is Verdict.OK
    behind = judge_clock(1_010_000, 1_000_000)
    assert behind.verdict is Verdict.WARNING
    assert "10.0 s behind" in behind.found
