"""The fold that the Python frameworks run: what the memory keeps of a client, without admission.

Imports nothing of the project: Quix Streams needs an older Kafka client, so its reader runs in an
environment of its own.
"""

from typing import Any

FRAMEWORKS_TOPIC = "framework-memory"
EWMA_WEIGHT = 0.2


def fold(insight: dict[str, Any], memory: dict[str, Any] | None) -> dict[str, Any]:
    """A client's memory after one more insight; per expert count, mean and EWMA of its loss."""
    if memory is None:
        memory = {
            "domain": insight["domain"],
            "client_id": insight["client_id"],
            "experts": {},
            "accepted": 0,
        }
    memory["latest"] = insight
    memory["accepted"] += 1
    experts = memory["experts"]
    for name, told in insight["expert_insights"].items():
        loss, known = told["loss"], experts.get(name)
        if known is None:
            experts[name] = {"count": 1, "mean": loss, "ewma": loss}
        else:
            known["count"] += 1
            known["mean"] += (loss - known["mean"]) / known["count"]
            known["ewma"] += EWMA_WEIGHT * (loss - known["ewma"])
    return memory
