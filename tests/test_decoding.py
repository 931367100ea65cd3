"""Bytes are turned into values in known places only, each after a look at their size."""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import yaml

from scarcity.broker import yaml_place
from scarcity.events.codec import MAX_EVENT_BYTES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "services" / "scarcity"
SOURCES = [PACKAGE, *(ROOT / name for name in ("benchmarks", "chaos", "infra", "examples"))]
# What runs code that its input names, or may.
NEVER = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
NEVER_CALLED = {
    ("yaml", "load"), ("yaml", "unsafe_load"), ("yaml", "full_load"), ("yaml", "full_load_all"),
    ("torch", "load"), ("numpy", "load"), ("np", "load"), ("pd", "read_pickle"),
    ("pandas", "read_pickle"), ("builtins", "eval"), ("builtins", "exec"),
}  # fmt: skip
# Every place that decodes, and what bounds it. All else goes through decode_json and decode_msgpack
# of events/codec.py, which look at the size first.
DECODES = {
    "audit/bundle.py": "a member is unpacked up to a bound (a bundle is a file that a person gave)",
    "broker/embedded.py": "the embedded broker's own pid file",
    "dashboard/audit_process.py": "a question that the dashboard has checked, by a pipe",
    "dashboard/service.py": "lines of its own audit process, each up to MAX_LINE",
    "dashboard/web.py": "a body up to MAX_BODY",
    "dead_letters/preview.py": "a record up to the topic's max.message.bytes; fuzzed",
    "enrolment/office.py": "the operator's own register",
    "enrolment/papers.py": "papers up to MAX_PAPER_CHARACTERS",
    "events/codec.py": "records up to MAX_EVENT_BYTES, or less where the reader says so",
    "keys/certificate.py": "certificates up to MAX_CERTIFICATE_BYTES",
    "local/guard.py": "pid files of our own processes",
    "memory/decoding.py": "insights up to max_bytes, by default 64 KiB",
    "memory/credentials.py": "the memory's own records",
    "memory/folded_client.py": "the memory's own records",
    "meta/tracing.py": "the memory's own records",
    "simulation/result.py": "a ledger of this process",
}


Nodes = Sequence[ast.AST]


@cache
def modules(root: Path) -> list[tuple[Path, Nodes]]:
    """Each source file and all nodes of its tree."""
    found = sorted(root.rglob("*.py"))
    return [(path, list(ast.walk(ast.parse(path.read_text("utf-8"))))) for path in found]


def calls(nodes: Nodes) -> Iterator[tuple[str, str, ast.Call]]:
    """Calls `a.b()` and `a.x.b()` as (last name before the dot, name, call); `b()` as ("", b)."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            yield getattr(owner, "attr", None) or getattr(owner, "id", ""), node.func.attr, node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "", node.func.id, node


def decodes(nodes: Nodes) -> bool:
    for owner, name, _ in calls(nodes):
        if name in {"Decoder", "unpackb", "Unpacker"}:
            return True
        if owner in {"json", "msgpack"} and name in {"decode", "loads", "load"}:
            return True
        if owner == "orjson" and name == "loads":
            return True
    return False


def test_every_place_that_decodes_is_known() -> None:
    found = {str(p.relative_to(PACKAGE)) for p, nodes in modules(PACKAGE) if decodes(nodes)}
    assert found == DECODES.keys(), "say what bounds it, and fuzz it (tests/fuzz)"


def test_nothing_runs_code_that_its_input_names() -> None:
    for root in SOURCES:
        for path, nodes in modules(root):
            for node in nodes:
                if isinstance(node, ast.Import):
                    assert not NEVER & {alias.name.partition(".")[0] for alias in node.names}, path
                if isinstance(node, ast.ImportFrom):
                    assert (node.module or "").partition(".")[0] not in NEVER, path
            for owner, name, _ in calls(nodes):
                called = (owner or "builtins", name)
                assert called not in NEVER_CALLED, f"{path}: {owner}.{name}"


def test_yaml_is_read_by_loaders_that_make_plain_values_alone() -> None:
    assert issubclass(yaml_place._Loader, yaml.SafeLoader)
    given = {}
    for root in SOURCES:
        for path, nodes in modules(root):
            for owner, name, call in calls(nodes):
                if owner == "yaml" and name in {"load_all", "compose", "compose_all", "parse"}:
                    loader = [k.value for k in call.keywords if k.arg == "Loader"]
                    names = {getattr(one, "id", getattr(one, "attr", "")) for one in loader}
                    given[path.name, name] = names
    assert given == {
        ("yaml_place.py", "compose"): {"_Loader"}, ("yaml_place.py", "load_all"): {"_Loader"},
    }  # fmt: skip


def test_no_topic_lets_a_record_in_that_a_reader_would_not_look_at() -> None:
    topics = yaml.safe_load((ROOT / "topics.yaml").read_text("utf-8"))["topics"]
    larger = {
        name
        for name, topic in topics.items()
        if int(topic.get("configs", {}).get("max.message.bytes", MAX_EVENT_BYTES)) > MAX_EVENT_BYTES
    }
    # Larger records of these are parked with their reason, or are the server's own.
    assert larger == {
        "insights.<domain>", "meta-parameters", "meta-state", "ledger", "checkpoints", "rulings",
        "dead-letters",
    }  # fmt: skip
