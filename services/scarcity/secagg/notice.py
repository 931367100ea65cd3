"""What mode `secagg` gives up, told at the start of whoever takes part."""

from typing import Final

TURNED_OFF: Final = (
    "the server sees sums only, so it cannot judge a client: off are the cap by running medians, "
    "trust by agreement, quarantine, medians of losses, the trial of starts, staleness weights, "
    "gossip, and per client influence, `audit explain` and `audit counterfactual`. Each client "
    "cuts its own slopes and losses, and nobody can check it"
)
