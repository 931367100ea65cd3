"""What an operator may set of the dashboard, all from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scarcity.broker.http_token import LOOPBACK, is_loopback, read_token
from scarcity.broker.settings import read_number
from scarcity.dashboard.access import LOOPBACK_NAMES, Access
from scarcity.events.errors import InputError

DEFAULT_PORT: Final = 9465  # the one after the monitor's
DEFAULT_BIND: Final = LOOPBACK
PORT_KEY: Final = "SCARCITY_DASHBOARD_PORT"
BIND_KEY: Final = "SCARCITY_DASHBOARD_BIND"
HOSTS_KEY: Final = "SCARCITY_DASHBOARD_HOSTS"
TOKEN_FILE_KEY: Final = "SCARCITY_DASHBOARD_TOKEN_FILE"
AUDIT_USER_KEY: Final = "SCARCITY_DASHBOARD_AUDIT_USERNAME"
AUDIT_PASSWORD_KEY: Final = "SCARCITY_DASHBOARD_AUDIT_PASSWORD_FILE"


@dataclass(frozen=True)
class DashboardSettings:
    """Settings of the dashboard.

    Attributes:
        port: SCARCITY_DASHBOARD_PORT.
        bind: address to listen on; SCARCITY_DASHBOARD_BIND.
        access: from the token in the file SCARCITY_DASHBOARD_TOKEN_FILE, and the names in
            SCARCITY_DASHBOARD_HOSTS.
        audit_user: SASL user that the page's audits read as, for they read topics that the monitor
            may not; SCARCITY_DASHBOARD_AUDIT_USERNAME. Empty: as the dashboard itself.
        audit_password_file: SCARCITY_DASHBOARD_AUDIT_PASSWORD_FILE.
    """

    port: int = DEFAULT_PORT
    bind: str = DEFAULT_BIND
    access: Access = field(default_factory=Access)
    audit_user: str = ""
    audit_password_file: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "DashboardSettings":
        """Read SCARCITY_DASHBOARD_*.

        Raises:
            InputError: a value is wrong, or others could reach the page without a token.

        >>> DashboardSettings.from_environment({}).port
        9465
        """
        port = read_number(environ, PORT_KEY, int, DEFAULT_PORT, 1, 65535)
        bind = environ.get(BIND_KEY) or DEFAULT_BIND
        token = read_token(environ, TOKEN_FILE_KEY)
        named = frozenset(filter(None, (environ.get(HOSTS_KEY) or "").replace(",", " ").split()))
        if token is None and not is_loopback(bind, BIND_KEY) and not named:
            raise InputError(
                f"{BIND_KEY}: {bind} can be reached from other machines: give a token by "
                f"{TOKEN_FILE_KEY}, or in {HOSTS_KEY} the names under which the page may be asked "
                "for when something else keeps others out (e.g. localhost, where a container's "
                "port is published on the loopback alone)"
            )
        user, file = environ.get(AUDIT_USER_KEY) or "", environ.get(AUDIT_PASSWORD_KEY) or ""
        if bool(user) != bool(file):
            raise InputError(f"{AUDIT_USER_KEY} and {AUDIT_PASSWORD_KEY} go together")
        return cls(port, bind, Access(token, LOOPBACK_NAMES | named), user, file)

    def audit_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of a process that audits."""
        if not self.audit_user:
            return dict(environ)
        kept = {name: value for name, value in environ.items() if name != "SCARCITY_SASL_PASSWORD"}
        return kept | {
            "SCARCITY_SASL_USERNAME": self.audit_user,
            "SCARCITY_SASL_PASSWORD_FILE": self.audit_password_file,
        }
