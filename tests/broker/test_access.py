"""Rights and limits from topics.yaml: who gets which, and what a plan does about differences."""

from pathlib import Path

import pytest

from scarcity.broker.access import Acl, Principal, acls_of, all_acls, plan_access
from scarcity.broker.declared import Declared, load_topics
from scarcity.broker.principals import find_principals
from scarcity.events.errors import InputError
from scarcity.gossip.service import create_gossip_app
from scarcity.gossip.settings import GossipSettings
from scarcity.memory import service as memory
from scarcity.meta import service as meta
from scarcity.meta.settings import MetaSettings
from scarcity.monitor.metrics import SERVICE_GROUPS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def declared() -> Declared:
    return load_topics(ROOT / "topics.yaml")


def test_a_client_has_the_topics_of_its_own_domain_and_no_prefix(declared: Declared) -> None:
    acls = acls_of(declared, "client", "User:bank-a", ["economic"])
    assert {a.principal for a in acls} == {"User:bank-a"}
    assert {a.resource for a in acls} == {"topic"}
    assert {a.pattern for a in acls} == {"literal"}
    written = {a.name for a in acls if a.operation == "Write"}
    assert {"insights.economic", "gossip.economic", "clients"} <= written
    assert not {a.name for a in acls if "." in a.name} - {
        f"{topic}.economic" for topic in ("insights", "gossip", "secagg-keys", "secagg-terms")
    }
    assert {a.operation for a in acls} == {"Read", "Write"}


def test_a_service_has_the_topics_of_every_domain_by_their_prefix(declared: Declared) -> None:
    acls = acls_of(declared, "memory", "User:memory")
    assert Acl("User:memory", "topic", "insights.", "prefixed", "Read") in acls
    assert Acl("User:memory", "group", "scarcity-memory-fold", "literal", "Read") in acls
    assert Acl("User:memory", "transactional-id", "memory-", "prefixed", "Write") in acls
    assert not [a for a in acls if a.operation == "Write" and a.name.startswith("insights")]


def test_groups_and_transactional_ids_are_those_of_the_code(declared: Declared) -> None:
    services = declared.services
    assert services["memory"].groups == (memory.GROUP,)
    assert services["memory"].transactions == ("memory-*",)  # FoldWorker's fence and a number
    assert services["meta"].transactions == (meta.TRANSACTIONAL_ID,)
    apps = {"meta": meta.create_meta_app(MetaSettings())}
    apps["gossip"] = create_gossip_app(GossipSettings(MetaSettings().kafka))
    assert {name: services[name].groups for name in apps} == {
        name: (app.conf.id,) for name, app in apps.items()
    }
    assert set(services["monitor"].watches) == set(SERVICE_GROUPS)
    assert {name for name, s in services.items() if s.groups} == set(SERVICE_GROUPS.values())


def test_nobody_gets_a_right_on_the_cluster_or_more_than_read_write_and_describe(
    declared: Declared,
) -> None:
    principals = find_principals(declared, clients=["bank-a:economic", "clinic:medical"])
    acls = all_acls(declared, principals)
    assert {a.operation for a in acls} == {"Read", "Write", "Describe"}
    assert {a.resource for a in acls} == {"topic", "group", "transactional-id"}
    assert {a.resource for a in acls if a.operation == "Describe"} == {"group"}
    assert not {a for a in acls if a.name in ("", "*") or "*" in (a.principal,)}


def test_roles_and_domains_that_do_not_fit_are_refused(declared: Declared) -> None:
    with pytest.raises(InputError, match="'bank' is no service of the topics file"):
        acls_of(declared, "bank", "User:a")
    with pytest.raises(InputError, match="name at least one"):
        acls_of(declared, "client", "User:a")
    with pytest.raises(InputError, match="serves all domains"):
        acls_of(declared, "memory", "User:a", ["economic"])
    with pytest.raises(InputError):
        acls_of(declared, "client", "User:a", ["*"])


def a_file(directory: Path, text: str) -> Path:
    path = directory / "principals.yaml"
    path.write_text(text)
    return path


def test_principals_come_of_a_file_of_options_and_of_services(
    declared: Declared, tmp_path: Path
) -> None:
    path = a_file(tmp_path, "bank-a: {role: client, domains: [economic]}\nfold: {role: memory}\n")
    found = find_principals(declared, path, ["clinic:medical,economic"])
    by_name = {p.name: p for p in found}
    assert by_name["bank-a"] == Principal("bank-a", "client", ("economic",))
    assert by_name["clinic"].domains == ("medical", "economic")
    assert by_name["fold"].role == "memory"
    assert "memory" not in by_name
    assert by_name["meta"] == Principal("meta", "meta")
    assert "client" not in by_name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {role: bank}\n", r"principals.yaml.*line 1.*'bank' is no service"),
        ("a: {role: client}\n", "name at least one"),
        ("a: {role: client, domains: [x], more: 1}\n", "unknown key"),
        ("a: {role: client, domains: ['*']}\n", "line 1"),
        ("User:a: {role: memory}\n", "no name of a principal"),
        ("meta: {role: memory}\n", "'meta' is given twice"),
    ],
)
def test_a_wrong_file_of_principals_is_one_line(
    declared: Declared, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as raised:
        find_principals(declared, a_file(tmp_path, text))
    assert "\n" not in str(raised.value)


CLIENT = Principal("bank-a", "client", ("economic",))


def test_a_plan_gives_what_is_missing_and_takes_what_is_too_much(declared: Declared) -> None:
    wanted = all_acls(declared, [CLIENT])
    extra = Acl("User:bank-a", "topic", "insights.medical", "literal", "Write")
    missing = min(wanted)
    plan = plan_access(declared, [CLIENT], wanted - {missing} | {extra}, {})
    assert (plan.add, plan.remove, plan.unknown) == ((missing,), (extra,), ())
    assert "- User:bank-a may write topic insights.medical" in plan.lines()


def test_strangers_rights_on_our_topics_are_told_and_taken_only_when_pruned(
    declared: Declared,
) -> None:
    wanted = all_acls(declared, [CLIENT])
    strangers = [
        Acl("User:gone", "topic", "insights.economic", "literal", "Write"),
        Acl("User:wide", "topic", "insights.", "prefixed", "Read"),
        Acl("User:wider", "topic", "in", "prefixed", "Read"),
        Acl("User:all", "topic", "*", "literal", "Read"),
        Acl("User:fold", "group", "scarcity-memory-fold", "literal", "Read"),
    ]
    others = Acl("User:shop", "topic", "orders", "literal", "Write")
    plan = plan_access(declared, [CLIENT], [*wanted, *strangers, others], {})
    assert (plan.add, plan.remove) == ((), ())
    assert set(plan.unknown) == set(strangers)
    assert any("left alone: User:gone may write" in line for line in plan.lines())
    pruned = plan_access(declared, [CLIENT], [*wanted, *strangers, others], {}, prune=True)
    assert (set(pruned.remove), pruned.unknown) == (set(strangers), ())


def test_what_an_administrator_forbade_stays_forbidden(declared: Declared) -> None:
    denied = Acl("User:bank-a", "topic", "insights.economic", "literal", "Write", "Deny")
    live = [*all_acls(declared, [CLIENT]), denied]
    for prune in (False, True):
        plan = plan_access(declared, [CLIENT], live, {}, prune=prune)
        assert (plan.remove, plan.unknown) == ((), (denied,))
        assert "left alone: User:bank-a may not write" in plan.lines()[-1]


def test_limits_follow_the_file_and_one_that_left_it_is_taken_away(declared: Declared) -> None:
    live = {"bank-a": {"request_percentage": 50.0, "producer_byte_rate": 1.0, "other": 3.0}}
    (change,) = plan_access(declared, [CLIENT], [], live).quotas
    assert change.new == {
        "producer_byte_rate": 1_048_576,
        "consumer_byte_rate": 8_388_608,
        "other": None,
    }
    assert "producer_byte_rate 1 -> 1048576" in str(change)
    assert "other 3 -> none" in str(change)
