"""Who may do what, as a Markdown table. Pure."""

from scarcity.broker.access import Acl, acls_of
from scarcity.broker.declared import DOMAIN_MARK, Declared

_LETTERS = {"Read": "r", "Write": "w"}


def rights_table(declared: Declared) -> str:
    """Topics by roles: `r` may read, `w` may write; then groups, transactional ids and limits.

    A role with its own domains has `r` or `w` on those domains' topics only, marked `own`.
    """
    roles = list(declared.services)
    by_role = {role: _rights(declared, role) for role in roles}
    lines = [f"| topic | {' | '.join(roles)} |", "|---" * (len(roles) + 1) + "|"]
    for topic in declared.topics:
        cells = [_cell(declared, role, topic.name, by_role[role]) for role in roles]
        lines.append(f"| `{topic.name}` | {' | '.join(cells)} |")
    lines += ["", "| role | joins groups | looks at groups | transactional ids | limits |"]
    lines.append("|---" * 5 + "|")
    for role, service in declared.services.items():
        limits = [f"{name} {value:,.0f}" for name, value in declared.quotas.get(role, {}).items()]
        named = (service.groups, service.watches, service.transactions)
        cells = [", ".join(f"`{name}`" for name in names) for names in named]
        lines.append(f"| {role} | {' | '.join(cells)} | {', '.join(limits)} |")
    return "\n".join(lines) + "\n"


def _rights(declared: Declared, role: str) -> list[Acl]:
    own = ["domain"] if declared.services[role].own_domains else None
    return acls_of(declared, role, "User:ROLE", own)


def _cell(declared: Declared, role: str, topic: str, acls: list[Acl]) -> str:
    names = {topic, topic.replace(DOMAIN_MARK, ""), topic.replace(DOMAIN_MARK, "domain")}
    found = [a for a in acls if a.resource == "topic" and a.name in names]
    letters = "".join(_LETTERS[a.operation] for a in found)
    per_domain = topic.endswith(DOMAIN_MARK) and declared.services[role].own_domains
    return letters + (" own" if letters and per_domain else "")
