"""Keys of who signs and whose signatures hold (docs/enrolment.md)."""

from scarcity.configuration.key import TOOLS, Key, Text

KEYS = (
    Key(
        "SCARCITY_OPERATOR_KEYS_FILE",
        ("memory", "meta", "gossip", "client", TOOLS),
        "Public keys of the operators that enrol clients. Insights and registrations then count "
        "only when they are signed; none: whoever may write to a topic may speak for anyone. The "
        "same in all services.",
        Text("file"),
    ),
    Key(
        "SCARCITY_MEMORY_SECRET_FILE",
        ("memory", TOOLS),
        "The memory's secret (`scarcity ca memory-key`): where an insight has a MAC, that is "
        "checked, not its signature; none: signatures are checked. The same in all workers.",
        Text("file"),
    ),
    Key(
        "SCARCITY_IDENTITY_DIR",
        ("client", TOOLS),
        "The client's identity: its key and certificate, as `scarcity join` made them.",
        Text("directory"),
    ),
    Key(
        "SCARCITY_CA_DIR",
        (TOOLS,),
        "The operator's key and register, as `scarcity ca init` made them.",
        Text("directory"),
    ),
)
