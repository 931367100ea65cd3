"""How a client proves who it is: what the environment may say, and that secrets are not told."""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scarcity.broker.security import SecuritySettings
from scarcity.broker.settings import KafkaSettings
from scarcity.broker.tls_files import issue, make_authority
from scarcity.configuration.effective import effective
from scarcity.configuration.telling import settings_lines, start_lines
from scarcity.events.errors import InputError

LOGIN = {
    "SCARCITY_SECURITY_PROTOCOL": "SASL_SSL",
    "SCARCITY_SASL_USERNAME": "bank-a",
    "SCARCITY_SASL_PASSWORD": "hunter2",
}
TLS = "SCARCITY_TLS_CA_FILE", "SCARCITY_TLS_CERT_FILE", "SCARCITY_TLS_KEY_FILE"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    make_authority(directory)
    issue(directory, "bank-a")
    issue(directory, "bank-b")
    issue(directory, "late", until=datetime(2026, 1, 2, 3, 4, tzinfo=UTC) - timedelta(days=1))
    (directory / "empty").write_text("\n")
    (directory / "text.pem").write_text("no certificate\n")
    return directory


def certificate(files: Path, name: str = "bank-a", key: str = "bank-a") -> dict[str, str]:
    paths = (files / "ca.pem", files / f"{name}.pem", files / f"{key}.key")
    return {"SCARCITY_SECURITY_PROTOCOL": "SSL", **dict(zip(TLS, map(str, paths), strict=True))}


def test_without_a_key_connections_are_plain() -> None:
    settings = KafkaSettings.from_environment({})
    assert settings.client_options() == {"bootstrap_servers": "127.0.0.1:9092"}
    assert settings.security.librdkafka_options() == {"security.protocol": "plaintext"}


def test_a_user_and_a_password_reach_both_client_libraries(files: Path) -> None:
    environ = {**LOGIN, "SCARCITY_TLS_CA_FILE": str(files / "ca.pem")}
    security = SecuritySettings.from_environment(environ)
    told = security.aiokafka_options()
    context = told.pop("ssl_context")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert told == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "bank-a",
        "sasl_plain_password": "hunter2",
    }
    assert security.librdkafka_options() == {
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": str(files / "ca.pem"),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "bank-a",
        "sasl.password": "hunter2",
    }


def test_a_certificate_reaches_both_client_libraries(files: Path) -> None:
    security = SecuritySettings.from_environment(certificate(files))
    assert security.aiokafka_options().keys() == {"security_protocol", "ssl_context"}
    assert security.librdkafka_options() == {
        "security.protocol": "ssl",
        "ssl.ca.location": str(files / "ca.pem"),
        "ssl.certificate.location": str(files / "bank-a.pem"),
        "ssl.key.location": str(files / "bank-a.key"),
    }


def test_a_password_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\nsecond line\n")
    environ = {**LOGIN, "SCARCITY_SASL_PASSWORD": ""}
    environ["SCARCITY_SASL_PASSWORD_FILE"] = str(tmp_path / "password")
    assert SecuritySettings.from_environment(environ).password == "from a file"


def test_no_secret_is_in_a_repr_or_in_what_a_service_tells() -> None:
    settings = KafkaSettings.from_environment(LOGIN)
    _, lines = start_lines("memory", LOGIN), settings_lines(effective(LOGIN))
    told = "\n".join([repr(settings), str(settings), start_lines("memory", LOGIN)[0], *lines])
    assert "bank-a" in told
    assert "hunter2" not in told


WRONG: Mapping[str, Mapping[str, str]] = {
    "SCARCITY_SECURITY_PROTOCOL: 'TLS' is unknown": {"SCARCITY_SECURITY_PROTOCOL": "TLS"},
    "SCARCITY_SASL_MECHANISM: 'PLAIN' is unknown": {**LOGIN, "SCARCITY_SASL_MECHANISM": "PLAIN"},
    "SCARCITY_SASL_USERNAME is missing": {**LOGIN, "SCARCITY_SASL_USERNAME": ""},
    "SCARCITY_SASL_PASSWORD_FILE is missing": {**LOGIN, "SCARCITY_SASL_PASSWORD": ""},
    "SCARCITY_SASL_PASSWORD_FILE: .*cannot be read": {
        **LOGIN, "SCARCITY_SASL_PASSWORD": "", "SCARCITY_SASL_PASSWORD_FILE": "nowhere",
    },
    "are both set": {**LOGIN, "SCARCITY_SASL_PASSWORD_FILE": "nowhere"},
    "SCARCITY_SASL_USERNAME is set, but SCARCITY_SECURITY_PROTOCOL is PLAINTEXT": {
        "SCARCITY_SASL_USERNAME": "bank-a"
    },
    "SCARCITY_TLS_CA_FILE is set, but SCARCITY_SECURITY_PROTOCOL is SASL_PLAINTEXT": {
        **LOGIN, "SCARCITY_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SCARCITY_TLS_CA_FILE": "ca.pem",
    },
    "SCARCITY_TLS_CA_FILE: nowhere: cannot be read": {**LOGIN, "SCARCITY_TLS_CA_FILE": "nowhere"},
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_setting_is_one_line_that_names_its_key(message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        SecuritySettings.from_environment(WRONG[message])
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_files_that_do_not_fit_are_one_line_that_names_the_key(files: Path) -> None:
    def told(environ: dict[str, str]) -> str:
        with pytest.raises(InputError) as raised:
            SecuritySettings.from_environment(environ)
        return str(raised.value)

    assert "SCARCITY_TLS_KEY_FILE: " in told(certificate(files, key="bank-b"))
    assert "the key is not that of the certificate" in told(certificate(files, key="bank-b"))
    late = told(certificate(files, "late", "late"))
    assert late.startswith("SCARCITY_TLS_CERT_FILE: ")
    assert "expired at 2026-01-01 03:04 UTC" in late
    assert "holds no PEM certificate" in told(certificate(files, "text"))
    one = {**certificate(files), "SCARCITY_TLS_KEY_FILE": ""}
    assert told(one).startswith("SCARCITY_TLS_KEY_FILE is missing: SCARCITY_TLS_CERT_FILE")
    ca = {**certificate(files), "SCARCITY_TLS_CA_FILE": str(files / "text.pem")}
    assert told(ca).startswith("SCARCITY_TLS_CA_FILE: ")
    empty = {**LOGIN, "SCARCITY_SASL_PASSWORD": ""}
    empty["SCARCITY_SASL_PASSWORD_FILE"] = str(files / "empty")
    assert "holds no password on its first line" in told(empty)
