"""Virtual time."""

from functools import partial

from scarcity.simulation.event_queue import EventQueue


def test_actions_of_one_time_happen_in_the_order_they_were_asked_for() -> None:
    queue, seen = EventQueue(), []
    for name in ("first", "second", "third"):
        queue.at(5, partial(seen.append, name))
    queue.run(until=lambda: False, limit_ms=10)
    assert seen == ["first", "second", "third"]


def test_an_action_may_ask_for_others_and_the_past_means_now() -> None:
    queue, seen = EventQueue(), []
    queue.at(5, lambda: queue.at(1, lambda: seen.append(queue.now_ms)))
    queue.run(until=lambda: False, limit_ms=10)
    assert seen == [5]


def test_it_stops_before_the_limit_is_passed() -> None:
    queue, seen = EventQueue(), []
    queue.at(5, partial(seen.append, "in"))
    queue.at(11, partial(seen.append, "out"))
    queue.run(until=lambda: False, limit_ms=10)
    assert (seen, queue.now_ms) == (["in"], 5)


def test_even_the_shortest_delay_takes_time() -> None:
    queue, seen = EventQueue(), []
    queue.after(0.0, lambda: seen.append(queue.now_ms))
    queue.run(until=lambda: False, limit_ms=10)
    assert seen == [1]
