"""Keys of the dashboard, which `scarcity dashboard` and the monitor serve."""

from scarcity.configuration.key import TOOLS, Key, Number, Text

KEYS = (
    Key(
        "SCARCITY_DASHBOARD_PORT",
        ("monitor", TOOLS),
        "Port of the dashboard. The monitor serves it when this is set; `scarcity dashboard` "
        "listens on 9465 when it is not.",
        Number(1, 65535, whole=True),
    ),
    Key(
        "SCARCITY_DASHBOARD_BIND",
        ("monitor", TOOLS),
        "Address that the dashboard listens on. One that other machines reach needs a token, or "
        "names in `SCARCITY_DASHBOARD_HOSTS`.",
        Text("address"),
        "127.0.0.1",
    ),
    Key(
        "SCARCITY_DASHBOARD_HOSTS",
        ("monitor", TOOLS),
        "Names, besides those of the loopback, under which the dashboard may be asked for without "
        "a token.",
        Text("names"),
    ),
    Key(
        "SCARCITY_DASHBOARD_TOKEN_FILE",
        ("monitor", TOOLS),
        "A file with the token that the dashboard asks for; none: it asks for none.",
        Text("file"),
    ),
    Key(
        "SCARCITY_DASHBOARD_AUDIT_USERNAME",
        ("monitor", TOOLS),
        "SASL user that the dashboard's audits read as: they read topics that the monitor may not. "
        "None: as the process itself.",
        Text("name"),
    ),
    Key(
        "SCARCITY_DASHBOARD_AUDIT_PASSWORD_FILE",
        ("monitor", TOOLS),
        "A file with that user's password.",
        Text("file"),
    ),
)
