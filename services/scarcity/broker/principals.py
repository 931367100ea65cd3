"""Who logs in as what: `principals.yaml`, `--client NAME:DOMAIN`, and a service's own name.

bank-a: {role: client, domains: [economic]}
memory-eu: {role: memory}
"""

from collections.abc import Iterable
from pathlib import Path

from scarcity.broker.access import Principal, acls_of
from scarcity.broker.declared import Declared
from scarcity.broker.tls_files import check_principal
from scarcity.broker.yaml_place import Place, read_yaml
from scarcity.events.errors import InputError


def find_principals(
    declared: Declared, path: Path | None = None, clients: Iterable[str] = ()
) -> list[Principal]:
    """All principals: those of the file and of ``clients``; a service that the file does not name
    is its own, unless it has domains of its own.

    Args:
        clients: `NAME:DOMAIN`, several domains by commas.

    Raises:
        InputError: a file that cannot be read, an unknown role or domain, or a name given twice;
            names file, line and key.
    """
    found = [_principal(declared, *entry) for entry in read_yaml(path).entries()] if path else []
    found += [_client(text) for text in clients]
    served = {p.role for p in found}
    found += [
        Principal(name, name)
        for name, service in declared.services.items()
        if name not in served and not service.own_domains
    ]
    for principal in found:
        if [p.name for p in found].count(principal.name) > 1:
            raise InputError(f"principal {principal.name!r} is given twice")
        acls_of(declared, principal.role, principal.kafka_name, principal.domains)
    return found


def _principal(declared: Declared, name: str, place: Place) -> Principal:
    keys = place.mapping("role", optional=("domains",))
    domains = tuple(item.text() for item in keys["domains"].items()) if "domains" in keys else ()
    principal = Principal(name, keys["role"].text(), domains)
    try:
        check_principal(name)
        acls_of(declared, principal.role, principal.kafka_name, domains)
    except InputError as error:
        raise place.error(str(error)) from None
    return principal


def _client(text: str) -> Principal:
    name, _, domains = text.partition(":")
    if not domains:
        raise InputError(f"--client {text}: want NAME:DOMAIN, e.g. bank-a:economic")
    return Principal(check_principal(name), "client", tuple(domains.split(",")))
