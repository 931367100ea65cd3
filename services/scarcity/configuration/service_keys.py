"""Keys of memory, meta, gossip and monitor."""

from scarcity.configuration.key import Choice, Key, Number, Text

MEMORY_KEYS = (
    Key(
        "SCARCITY_MEMORY_MAX_INSIGHTS",
        ("memory", "monitor"),
        "Latest insights kept a domain, some 2.5 KiB each. The same in all memory workers; the "
        "monitor shows how full they are when it has it too.",
        Number(1, 10**9, whole=True),
        "100000",
    ),
    Key(
        "SCARCITY_MEMORY_MAX_INSIGHT_BYTES",
        ("memory",),
        "Size above which an insight is refused.",
        Number(256, 1 << 19, whole=True),
        "65536",
    ),
    Key(
        "SCARCITY_MEMORY_SLOPE_CLIP",
        ("memory",),
        "Size above which a slope is refused.",
        Number(1e-6, 1e6),
        "5.0",
    ),
)

META_KEYS = (
    Key(
        "SCARCITY_META_MODE",
        ("meta", "tools"),
        "Rates that stay (`sync`) or fall with the number of events (`stream`).",
        Choice(("sync", "stream")),
        "sync",
    ),
    Key(
        "SCARCITY_META_RATE",
        ("meta", "tools"),
        "Learning rate; .02 in mode `sync` and .01 in mode `stream` when it is not set.",
        Number(1e-9, 1),
    ),
    Key(
        "SCARCITY_META_GATE",
        ("meta", "tools"),
        "Whether a step that hurt is undone.",
        Choice(("on", "off")),
        "on",
    ),
    Key(
        "SCARCITY_META_SIGNING_KEY",
        ("meta",),
        "The ledger writer's private key (`scarcity keys make`); none: entries are not signed.",
        Text("file"),
    ),
    Key(
        "SCARCITY_META_OPERATOR_KEYS",
        ("meta",),
        "Public keys of the operators whose rulings are heeded; else SCARCITY_OPERATOR_KEYS_FILE.",
        Text("file"),
    ),
    Key(
        "SCARCITY_META_CHECKPOINT_VERSIONS",
        ("meta",),
        "Versions a domain between two checkpoints of the optimiser, on average; 0: none.",
        Number(0, 10**6, whole=True),
        "100",
    ),
    Key(
        "SCARCITY_OPERATOR_KEY",
        ("tools",),
        "The operator's private key, which rulings are signed with.",
        Text("file"),
    ),
)

GOSSIP_KEYS = (
    Key(
        "SCARCITY_GOSSIP_CYCLE_S",
        ("gossip",),
        "Seconds between two plans of a domain.",
        Number(0.1, 1e9),
        "15.0",
    ),
    Key(
        "SCARCITY_GOSSIP_ACTIVE_S",
        ("gossip",),
        "A client takes part while its last insight is at most this much older, in seconds, than "
        "the newest of its domain.",
        Number(1, 1e9),
        "60.0",
    ),
    Key(
        "SCARCITY_GOSSIP_GROUP_SIZE",
        ("gossip",),
        "Clients of a group at most.",
        Number(2, 10**6, whole=True),
        "8",
    ),
    Key(
        "SCARCITY_GOSSIP_MAX_PEERS",
        ("gossip",),
        "Peers a client trades with in a cycle at most.",
        Number(1, 10**6, whole=True),
        "5",
    ),
)

MONITOR_KEYS = (
    Key(
        "SCARCITY_MONITOR_PORT",
        ("monitor",),
        "Port of `/metrics` and `/health`.",
        Number(1, 65535, whole=True),
        "9464",
    ),
    Key(
        "SCARCITY_MONITOR_BIND",
        ("monitor",),
        "Address that this port is opened on.",
        Text("address"),
        "127.0.0.1",
    ),
    Key(
        "SCARCITY_MONITOR_TOKEN_FILE",
        ("monitor",),
        "A file with the token that `/metrics` asks for (`Authorization: Bearer …`); without it "
        "`/health` tells the status alone. None: everyone who reaches the port is told.",
        Text("file"),
    ),
    Key(
        "SCARCITY_MONITOR_LAG_SECONDS",
        ("monitor",),
        "Seconds between two looks at the consumer groups.",
        Number(1, 1e9),
        "5.0",
    ),
)
