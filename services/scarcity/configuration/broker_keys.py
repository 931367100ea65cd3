"""Keys of how the broker is reached."""

from scarcity.configuration.key import EVERY_SERVICE, EVERYONE, Choice, Key, Number, Text

KEYS = (
    Key(
        "SCARCITY_BOOTSTRAP_SERVERS",
        EVERYONE,
        "Where the broker is.",
        Text("host:port, several by commas"),
        "127.0.0.1:9092",
    ),
    Key(
        "SCARCITY_SECURITY_PROTOCOL",
        EVERYONE,
        "Whether connections are encrypted (SSL), and whether user and password are shown (SASL).",
        Choice(("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT")),
        "PLAINTEXT",
    ),
    Key(
        "SCARCITY_SASL_MECHANISM",
        EVERYONE,
        "How the password is proven; it is never sent.",
        Choice(("SCRAM-SHA-512", "SCRAM-SHA-256")),
        "SCRAM-SHA-512",
    ),
    Key("SCARCITY_SASL_USERNAME", EVERYONE, "The user, for SASL.", Text("name")),
    Key("SCARCITY_SASL_PASSWORD", EVERYONE, "The user's password.", secret=True),
    Key(
        "SCARCITY_SASL_PASSWORD_FILE",
        EVERYONE,
        "A file with the password on its first line, in place of `SCARCITY_SASL_PASSWORD`.",
        Text("file"),
    ),
    Key(
        "SCARCITY_TLS_CA_FILE",
        EVERYONE,
        "Certificates (PEM) that the broker's must descend from; empty: those of the system.",
        Text("file"),
    ),
    Key(
        "SCARCITY_TLS_CERT_FILE",
        EVERYONE,
        "The own certificate (PEM) and those above it, where the broker asks for one (mTLS).",
        Text("file"),
    ),
    Key("SCARCITY_TLS_KEY_FILE", EVERYONE, "Its key (PEM).", Text("file")),
    Key(
        "SCARCITY_TLS_KEY_PASSWORD_FILE",
        EVERYONE,
        "A file with the password of that key, when it has one.",
        Text("file"),
    ),
    Key(
        "SCARCITY_SESSION_TIMEOUT_S",
        EVERY_SERVICE,
        "Silence, in seconds, after which the broker gives a worker's partitions to others. "
        "Brokers refuse less than their `group.min.session.timeout.ms`.",
        Number(1, 300),
        "6.0",
    ),
    Key(
        "SCARCITY_TOPICS_FILE",
        ("tools",),
        "The file that declares topics.",
        Text("file"),
        "topics.yaml",
    ),
)
