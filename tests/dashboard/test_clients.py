from scarcity.dashboard.clients import MAX_NAME, ClientIndex, History


def test_a_history_keeps_its_ends_and_stays_bounded() -> None:
    history = History()
    for number in range(1000):
        history.add(number, number / 10, number)
    points = history.points()
    assert len(points) <= 41
    assert points[0] == (0, 0.0, 0)
    assert points[-1] == (999, 99.9, 999)
    places = [at for at, _, _ in points]
    assert places == sorted(set(places))


def test_a_short_history_is_kept_whole() -> None:
    history = History()
    for number in range(7):
        history.add(number, 1.0, number)
    assert [at for at, _, _ in history.points()] == list(range(7))


def test_beyond_the_bound_the_client_heard_longest_ago_goes() -> None:
    index = ClientIndex(max_clients=2)
    for name in ("a", "b", "a", "c"):
        index.touch("retail", name)
    assert (len(index), index.let_go) == (2, 1)
    assert index.find("retail", "b") is None
    assert [c.client_id for c in index.of_domain("retail")] == ["a", "c"]


def test_histories_are_bounded_by_themselves() -> None:
    index = ClientIndex(max_histories=1)
    index.heard("retail", "a", 1, 0.5, 0)
    index.heard("retail", "b", 2, 0.5, 0)
    assert index.history("retail", "a") == []
    assert index.history("retail", "b") == [(2, 0.5, 0)]


def test_whoever_only_publishes_is_no_client_and_pushes_none_out() -> None:
    index = ClientIndex(max_clients=1)
    index.touch("retail", "a")
    for number in range(9):
        index.heard("retail", f"flood-{number}", 1, 0.5, 0)
    assert index.find("retail", "a") is not None
    assert (len(index), index.let_go) == (1, 0)


def test_a_loss_that_is_no_number_makes_no_history() -> None:
    index = ClientIndex()
    index.heard("retail", "a", 1, float("nan"), 0)
    assert index.history("retail", "a") == []


def test_a_name_too_long_is_counted_and_not_listed() -> None:
    index = ClientIndex()
    assert index.touch("retail", "x" * (MAX_NAME + 1)) is None
    assert (len(index), index.unlisted) == (0, 1)


def test_search_looks_at_a_part_of_the_name_and_sorts() -> None:
    index = ClientIndex()
    for number, name in enumerate(("Shop-1", "shop-2", "bank-1")):
        client = index.touch("retail" if number else "energy", name)
        assert client is not None
        client.last_seen_ms, client.loss = number, float(number)
    many, found = index.search("SHOP")
    assert (many, [c.client_id for c in found]) == (2, ["shop-2", "Shop-1"])
    many, found = index.search("", domain="retail", sort="loss", first=1, many=1)
    assert (many, [c.client_id for c in found]) == (2, ["shop-2"])


def test_a_domain_goes_with_its_clients() -> None:
    index = ClientIndex()
    for domain in ("retail", "energy"):
        index.touch(domain, "a")
        index.heard(domain, "a", 1, 0.5, 0)
    index.drop_domain("retail")
    assert (len(index), index.history("retail", "a")) == (1, [])
