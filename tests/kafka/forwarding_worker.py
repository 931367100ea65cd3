"""A worker for the tests: copies `clients` to `gossip-plan`, one Faust agent."""

import os

from scarcity.broker.faust_app import create_app, run_app
from scarcity.broker.settings import KafkaSettings

app = create_app("forwarder", KafkaSettings.from_environment(os.environ))
source = app.topic("clients", value_type=bytes, key_type=bytes)
target = app.topic("gossip-plan", value_type=bytes, key_type=bytes)


@app.agent(source)
async def forward(stream):  # type: ignore[no-untyped-def]
    async for event in stream.events():
        await target.send(key=event.key, value=event.value)


if __name__ == "__main__":
    run_app(app)
