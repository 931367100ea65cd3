"""A live cluster's ACLs and users: read them, and carry a plan out."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from scarcity.broker.access import AccessPlan, Acl, Principal, plan_access
from scarcity.broker.admin_client import TIMEOUT_S, AdminConnection
from scarcity.broker.declared import Declared
from scarcity.broker.quotas import alter_quotas, read_quotas
from scarcity.broker.scram_users import read_users
from scarcity.events.errors import BrokerError

POLL_S: Final = 0.05
SALT_ROUNDS: Final = 8192  # Kafka wants 4096 or more
# Kafka's name of a resource, confluent-kafka's of the same.
_RESOURCES: Final[Mapping[str, str]] = {
    "topic": "TOPIC",
    "group": "GROUP",
    "transactional-id": "TRANSACTIONAL_ID",
    "cluster": "BROKER",
}


class AccessAdmin(AdminConnection):
    """Rights, limits and users of a cluster; raises as its base."""

    def live(self) -> frozenset[Acl]:
        """All ACLs of the cluster.

        Raises:
            BrokerError: the cluster does not answer, or this user may not see them.
        """
        k = self._kafka
        everything = k.AclBindingFilter(
            k.ResourceType.ANY,
            None,
            k.ResourcePatternType.ANY,
            None,
            None,
            k.AclOperation.ANY,
            k.AclPermissionType.ANY,
        )
        future = self._client.describe_acls(everything, request_timeout=TIMEOUT_S)
        return frozenset(map(_to_acl, self._wait(future, "list ACLs")))

    def plan(
        self, declared: Declared, principals: Sequence[Principal], *, prune: bool = False
    ) -> AccessPlan:
        """Differences in rights and limits; see :func:`plan_access`."""
        quotas = asyncio.run(read_quotas(self._settings))
        return plan_access(declared, principals, self.live(), quotas, prune=prune)

    def apply(self, plan: AccessPlan) -> None:
        """Carry a plan out; returns when the cluster shows it. What is given comes first.

        Raises:
            BrokerError: the cluster refused a change or does not answer.
        """
        if plan.add:
            wanted = [self._binding(acl) for acl in plan.add]
            for future in self._client.create_acls(wanted).values():
                self._wait(future, "create ACLs")
        if plan.remove:
            filters = [self._filter(acl) for acl in plan.remove]
            for future in self._client.delete_acls(filters).values():
                self._wait(future, "delete ACLs")
        if plan.quotas:
            wanted_quotas = {change.user: change.new for change in plan.quotas}
            asyncio.run(alter_quotas(self._settings, wanted_quotas))
        self._wait_until_visible(plan)

    def users(self) -> dict[str, tuple[str, ...]]:
        """Users with a password, and the mechanisms that they have it for.

        Raises:
            BrokerError: the cluster does not answer, or this user may not see them.
        """
        return asyncio.run(read_users(self._settings))

    def set_password(self, name: str, password: str, mechanism: str = "SCRAM-SHA-512") -> None:
        """Make a user, or give one another password. It is salted here and not sent itself.

        Raises:
            BrokerError: the cluster refused or does not answer.
        """
        kind = self._kafka.ScramMechanism[mechanism.replace("-", "_")]
        info = self._kafka.ScramCredentialInfo(kind, SALT_ROUNDS)
        self._alter(self._kafka.UserScramCredentialUpsertion(name, info, password.encode()))

    def remove_user(self, name: str) -> bool:
        """Take all passwords of a user away; whether there was one. Connections stay until closed.

        Raises:
            BrokerError: the cluster refused or does not answer.
        """
        mechanisms = self.users().get(name, ())
        for mechanism in mechanisms:
            kind = self._kafka.ScramMechanism[mechanism.replace("-", "_")]
            self._alter(self._kafka.UserScramCredentialDeletion(name, kind))
        return bool(mechanisms)

    def _alter(self, change: Any) -> None:
        for future in self._client.alter_user_scram_credentials([change]).values():
            self._wait(future, f"change user {change.user}")

    def _wait_until_visible(self, plan: AccessPlan) -> None:
        # The controller answers before the broker has heard of it.
        deadline = time.monotonic() + TIMEOUT_S
        while not (live := self.live()).issuperset(plan.add) or live.intersection(plan.remove):
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"{self._servers} does not show all changes after {TIMEOUT_S:.0f} s: look "
                    "again with `scarcity topics drift --acls`"
                )
            time.sleep(POLL_S)

    def _binding(self, acl: Acl) -> Any:
        return self._kafka.AclBinding(*self._parts(acl))

    def _filter(self, acl: Acl) -> Any:
        return self._kafka.AclBindingFilter(*self._parts(acl))

    def _parts(self, acl: Acl) -> Iterable[Any]:
        k = self._kafka
        return (
            k.ResourceType[_RESOURCES[acl.resource]],
            acl.name,
            k.ResourcePatternType[acl.pattern.upper()],
            acl.principal,
            acl.host,
            k.AclOperation[_screaming(acl.operation)],
            k.AclPermissionType[acl.permission.upper()],
        )


def _to_acl(binding: Any) -> Acl:
    resources = {theirs: ours for ours, theirs in _RESOURCES.items()}
    kind = binding.restype.name
    return Acl(
        binding.principal,
        resources.get(kind, kind.lower()),
        binding.name,
        binding.resource_pattern_type.name.lower(),
        binding.operation.name.title().replace("_", ""),
        binding.permission_type.name.title(),
        binding.host,
    )


def _screaming(operation: str) -> str:
    return "".join(f"_{c}" if c.isupper() else c.upper() for c in operation).lstrip("_")
