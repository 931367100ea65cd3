"""Keys of any process: its settings file, its log."""

from scarcity.configuration.key import EVERY_SERVICE, EVERYONE, Choice, Key, Text

KEYS = (
    Key(
        "SCARCITY_CONFIG_FILE",
        EVERYONE,
        "A YAML file of keys of this table and their values; the environment wins.",
        Text("file"),
    ),
    Key(
        "SCARCITY_DEBUG",
        EVERYONE,
        "Anything: log everything, with tracebacks and the libraries' own lines.",
    ),
    Key(
        "SCARCITY_HEARTBEAT_FILE",
        EVERY_SERVICE,
        "A file that the service renews every second and `scarcity health` looks at; on a tmpfs.",
        Text("file"),
    ),
    Key(
        "SCARCITY_LOG",
        EVERYONE,
        "Lines of the log: plain text, or one JSON object each, with topic, partition, offset, "
        "domain, version and `trace_id` where they are known.",
        Choice(("text", "json")),
        "text",
    ),
    Key(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        ("memory", "meta", "client"),
        "An OpenTelemetry collector (OTLP over HTTP, usually port 4318) that gets a trace of each "
        "sampled insight; not set: no traces. OpenTelemetry's other keys hold too, e.g. "
        "`OTEL_TRACES_SAMPLER=traceidratio` with `OTEL_TRACES_SAMPLER_ARG=0.01` at the clients.",
        Text("URL"),
    ),
)
