"""Whatever listens in this package listens on the loopback, unless someone chose otherwise."""

import ast
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.embedded_files import server_properties
from scarcity.broker.embedded_guard import Guard
from scarcity.broker.faust_app import create_app
from scarcity.broker.settings import KafkaSettings
from scarcity.configuration.declaration import KEYS
from scarcity.dashboard.settings import DashboardSettings
from scarcity.monitor.service import Monitoring, build_app
from scarcity.monitor.settings import MonitorSettings
from scarcity.monitor.view import SystemView

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "services" / "scarcity"
# What opens a port in Python, in aiohttp, in Faust and in Kafka.
OPENERS = {
    "TCPSite", "UnixSite", "SockSite", "run_app", "create_server", "create_unix_server",
    "start_server", "start_unix_server", "bind", "listen", "HTTPServer", "ThreadingHTTPServer",
    "TCPServer", "ThreadingTCPServer", "UDPServer", "make_server", "start_http_server", "serve",
    "create_datagram_endpoint", "start_wsgi_server", "add_insecure_port", "add_secure_port",
}  # fmt: skip
# Each place that does, and why it is the loopback's; the tests below look at each.
KNOWN = {
    ("broker/faust_app.py", "web_bind"): "the monitor's pages, by its settings",
    ("broker/process.py", "bind"): "a look whether a port is free",
    ("broker/embedded_files.py", "listeners"): "the embedded broker",
    ("broker/embedded_guard.py", "listeners"): "the embedded broker with TLS",
    ("dashboard/service.py", "TCPSite"): "the dashboard's pages, by its settings",
    ("dashboard/service.py", "serve"): "calls the one above",
    ("memory/service.py", "run_app"): "a worker of Faust; its web is off",
    ("meta/service.py", "run_app"): "a worker of Faust; its web is off",
    ("gossip/service.py", "run_app"): "a worker of Faust; its web is off",
    ("monitor/service.py", "run_app"): "a worker of Faust with the monitor's pages",
    ("dashboard/service.py", "run_app"): "the same with the dashboard's",
}


def opened(path: Path) -> Iterator[tuple[str, str]]:
    where = str(path.relative_to(PACKAGE))
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
            if name in OPENERS:
                yield where, name
            yield from ((where, k.arg) for k in node.keywords if k.arg == "web_bind")
        if isinstance(node, ast.Dict):
            keys = (key.value for key in node.keys if isinstance(key, ast.Constant))
            yield from ((where, str(key)) for key in keys if key == "listeners")


def hosts_of(listeners: str) -> set[str]:
    """Hosts of Kafka's `listeners`: NAME://host:port, by commas."""
    return {one.partition("://")[2].rpartition(":")[0] for one in listeners.split(",")}


def test_every_place_that_opens_a_port_is_known() -> None:
    found = {place for path in PACKAGE.rglob("*.py") for place in opened(path)}
    found.discard(("monitor/service.py", "web_bind"))  # hands its settings on to the app
    assert found == set(KNOWN), "look at its default host, and add it here"


def test_no_source_names_an_address_of_every_interface() -> None:
    every = {"0.0.0.0", "::", "[::]"}
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        named = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)} & every
        assert not named, path


def test_settings_that_name_an_address_have_the_loopbacks_by_default() -> None:
    binds = {name: key for name, key in KEYS.items() if name.endswith(("_BIND", "_HOST"))}
    assert {"SCARCITY_MONITOR_BIND", "SCARCITY_DASHBOARD_BIND"} <= binds.keys()
    assert all(ip_address(key.default).is_loopback for key in binds.values())
    assert ip_address(MonitorSettings.from_environment({}).bind).is_loopback
    assert ip_address(DashboardSettings.from_environment({}).bind).is_loopback


def test_the_monitors_web_listens_where_its_settings_say() -> None:
    for monitor in (MonitorSettings(), MonitorSettings(bind="127.0.0.2")):
        app = build_app(KafkaSettings(), monitor, Monitoring(SystemView()))
        assert (app.conf.web_bind, app.conf.web_port) == (monitor.bind, monitor.port)


@pytest.mark.parametrize("service", ["memory", "meta", "gossip"])
def test_other_services_open_no_port(service: str) -> None:
    app = create_app(service, KafkaSettings())
    assert not app.conf.web_enabled
    assert ip_address(app.conf.web_bind).is_loopback


def test_every_listener_of_the_embedded_broker_is_the_loopbacks(tmp_path: Path) -> None:
    plain = server_properties(tmp_path, 9092, controller_port=9093)
    guard = Guard(tmp_path / "tls").properties(9092, 9094, 9093)
    secure = server_properties(tmp_path, 9092, controller_port=9093, guard=guard)
    for text, count in ((plain, 2), (secure, 3)):
        told = dict(line.partition("=")[::2] for line in text.splitlines())
        for key in ("listeners", "advertised.listeners"):
            assert hosts_of(told[key]) == {"127.0.0.1"}
        assert told["listeners"].count("://") == count
    assert EmbeddedKafka(data_dir=tmp_path).bootstrap_servers == "127.0.0.1:9092"
