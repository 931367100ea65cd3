#!/bin/sh
# What `scarcity health` does, without starting Python: a check every ten seconds in every container
# should cost a millisecond. tests/health holds the two together. Exit 0 when the service is ready.
{ read -r beat state <"${SCARCITY_HEARTBEAT_FILE:?}"; } 2>/dev/null || { echo "no heartbeat"; exit 1; }
read -r up _ </proc/uptime
age=$((${up%.*} - ${beat%.*}))
echo "$state (heartbeat $age s old)"
[ "$age" -le 15 ] || exit 1
[ "$state" = ready ] || [ "${1-}" = --alive ]
