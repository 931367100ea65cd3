"""What an audit found, for people."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scarcity.audit.bisecting import Bisection, Parting
from scarcity.audit.chain import Link
from scarcity.audit.counterfactual import Outcome
from scarcity.audit.explanation import Explanation, Part
from scarcity.audit.past import PastState
from scarcity.audit.selection import Moment
from scarcity.audit.signatures import Signatures
from scarcity.audit.verification import Differing, VerifyReport

MOST_SHOWN = 20


def verify_text(report: VerifyReport, code_version: str) -> RenderableType:
    """The verdict first, then what it rests on."""
    links = report.chain.links
    lines = [Text(_verdict(report), style="bold green" if report.is_sound else "bold red")]
    lines.append(
        Text(
            f"ledger: {len(links)} entries, signatures: {_signatures(report)}"
            + (f", hash of the last {links[-1].hash}" if links else "")
        )
    )
    lines.append(
        Text(
            f"versions: {report.asked} asked for, {report.equal} recomputed and equal, "
            f"{len(report.differing)} differ, {_lost_count(report)} cannot be recomputed; "
            f"{report.insights} insights"
        )
    )
    lines.append(Text(f"senders: {report.senders.describe()}"))
    if report.differing:
        lines += _differing_lines(report.differing[0])
        later = [one.version for one in report.differing[1:]]
        if later:
            lines.append(Text(f"later ones: {_few(later)}"))
    lines += [Text(str(finding), style="red") for finding in report.findings[:MOST_SHOWN]]
    if len(report.findings) > MOST_SHOWN:
        lines.append(Text(f"and {len(report.findings) - MOST_SHOWN} more of these"))
    if report.began_at is not None:
        lines.append(Text(f"began at the checkpoint of {report.began_at}, which the ledger hashes"))
    if report.resumed:
        where = _few(list(dict.fromkeys(report.resumed)))
        lines.append(Text(f"what was before is lost; went on from the checkpoint of {where}"))
    for reason, lost in report.lost.items():
        lines.append(Text(f"cannot be recomputed: {ranges(lost)}: {reason}", style="yellow"))
    other = sorted(report.code_versions - {code_version})
    if other:
        lines.append(Text(f"made by scarcity {', '.join(other)}, recomputed by {code_version}"))
    return Group(*lines)


def bisection_text(found: Bisection) -> RenderableType:
    """What halving over checkpoints found."""
    lines = [Text(f"{found.made} of {found.stretches} stretches between checkpoints made again")]
    if found.differing is None and not found.wrong:
        lines.insert(0, Text("the last stretch is borne out", style="bold green"))
        lines.append(Text("of versions before it this says nothing; `verify` makes all again"))
        return Group(*lines)
    lines.insert(0, Text("the log does not bear the ledger out", style="bold red"))
    lines += _differing_lines(found.differing)
    lines += [Text(text, style="red") for text in found.wrong]
    lines.append(Text(f"borne out up to the checkpoint of {found.before or 'no version'}"))
    if found.lost:
        lines.append(Text(f"not every stretch can be made again: {found.lost}", style="yellow"))
    return Group(*lines)


def parting_text(found: Parting | None) -> RenderableType:
    """Where two copies of a ledger part, and which of them the log here bears out."""
    if found is None:
        text = "the copies are equal as far as both go"
        return Text(text, style="bold green")
    lines = [
        Text(
            f"the copies part at entry {found.here.index + 1} ({found.compared} of the entries "
            "compared)",
            style="bold red",
        )
    ]
    pairs = (
        ("here", found.here, found.here_differs), ("there", found.there, found.there_differs),
    )  # fmt: skip
    for where, link, differing in pairs:
        verdict = "borne out by the log here" if differing is None else "not borne out"
        lines.append(Text(f"{where}: {link.name}, hash {link.hash}: {verdict}"))
        if differing is not None:
            lines += [Text(f"  {difference}", style="red") for difference in differing.differences]
    return Group(*lines)


def _differing_lines(differing: Differing | None) -> list[Text]:
    if differing is None:
        return []
    first = Text(f"first version that differs: {differing.version}", style="red")
    return [first, *(Text(f"  {text}", style="red") for text in differing.differences)]


def ranges(links: Sequence[Link]) -> str:
    """Versions of each domain, runs put together: `retail@3-7, @9`."""
    told: list[str] = []
    for domain in sorted({link.entry.domain for link in links}):
        versions = sorted(link.entry.version for link in links if link.entry.domain == domain)
        runs: list[list[int]] = []
        for version in versions:
            if runs and version == runs[-1][1] + 1:
                runs[-1][1] = version
            else:
                runs.append([version, version])
        texts = [f"@{a}" if a == b else f"@{a}-{b}" for a, b in runs]
        told.append(domain + ", ".join(texts))
    return "; ".join(told)


def explanation_text(explanation: Explanation) -> RenderableType:
    """A version, and a row a client."""
    link, entry = explanation.link, explanation.link.entry
    lines: list[RenderableType] = [
        Text(f"{link.name}, family {entry.family}, closed by {entry.closed_by}", style="bold"),
        Text(
            f"written {Moment(entry.written_at_ms)} at {link.position}; hash "
            + ("equal to the ledger's" if explanation.is_equal else "DIFFERS from the ledger's")
        ),
        Text(
            f"step {explanation.step_norm:.6g} (norm of the change of z), scale "
            f"{entry.step_scale:.3g}"
            + (", the step before was taken back" if entry.reverted else "")
            + (f", starts from {entry.start}" if entry.start else "")
        ),
        Text(
            f"clients {entry.clients} of {entry.active_clients} active, mean staleness "
            f"{entry.mean_staleness_versions:.2g} versions, mean loss {_number(entry.mean_loss)}"
        ),
    ]
    if entry.sums is not None and entry.sums.round:
        many = len(entry.sums.members)
        text = (
            f"a secure sum, round {entry.sums.round} of {many} members: nobody's part can be told"
        )
        lines.append(Text(text, style="yellow"))
    if entry.repair is not None:
        out = ", ".join(entry.repair.without)
        text = f"a repair: the {entry.repair.base_length} entries before, without {out}"
        lines.append(Text(text, style="yellow"))
    lines += [
        Text(f"from here on {mark.client_id} counts no more, by {mark.by}", style="yellow")
        for mark in entry.marks
    ]
    lines += [Text(f"{lift.client_id} counts again") for lift in entry.lifted]
    if explanation.parts:
        lines.append(_parts_table(explanation))
    return Group(*lines)


def _parts_table(explanation: Explanation) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("client", no_wrap=True)
    table.add_column("offset", no_wrap=True)
    for heading in ("stale", "weight", "samples", "loss\nbefore", "loss\nafter", "slopes\nkept"):
        table.add_column(heading, justify="right")
    table.add_column("influence", justify="right", no_wrap=True)
    for part in explanation.parts:
        table.add_row(*_part_row(part, explanation.step_norm))
    return table


def _part_row(part: Part, step_norm: float) -> list[str]:
    share = f" ({part.influence / step_norm:.0%})" if step_norm > 0 else ""
    return [
        part.client_id,
        f"[{part.position.partition}]@{part.position.offset}",
        str(part.staleness),
        f"{part.weight:.3g}" if part.weight else "ignored",
        str(part.samples),
        _number(part.loss_before),
        _number(part.loss_after),
        "no slopes" if part.kept_slopes is None else f"{part.kept_slopes:.0%}",
        f"{part.influence:.4g}{share}" + (" decides" if part.decides else ""),
    ]


def past_text(past: PastState) -> RenderableType:
    """Domains then, and what the memory held."""
    table = Table(title=f"as of {past.as_of}", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("domain", "version", "written", "parameters", "mean loss", "memory: clients"):
        table.add_column(heading)
    held = {} if past.memory is None else past.memory.domains
    for name, domain in sorted(past.domains.items()):
        entry = domain.link.entry
        state = "recomputed, equal" if domain.is_equal else "recomputed, DIFFER from the ledger"
        table.add_row(
            name,
            str(entry.version),
            str(Moment(entry.written_at_ms)),
            state if domain.state is not None else "cannot be recomputed",
            _number(entry.mean_loss),
            str(held.get(name, 0)) if past.memory is not None else "?",
        )
    lines: list[RenderableType] = [
        table,
        Text(f"ledger: {past.ledger_length} entries, hash of the last {past.ledger_hash}"),
    ]
    if past.memory is None:
        lines.append(Text("memory: not in this bundle; export it with --all-insights"))
    else:
        lines.append(Text(f"memory: {len(past.memory)} clients from {past.folded} insights"))
    for (topic, partition), first in past.began_late.items():
        text = f"{topic}[{partition}] begins at offset {first}: counts leave out what was before"
        lines.append(Text(text, style="yellow"))
    lost = sorted({domain.lost for domain in past.domains.values() if domain.lost})
    lines += [Text(f"cannot be recomputed: {reason}", style="yellow") for reason in lost]
    return Group(*lines)


def outcome_text(outcomes: Sequence[Outcome]) -> RenderableType:
    """Recorded beside refolded, a row a domain."""
    table = Table(title="recorded → refolded", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("domain")
    for heading in (
        "versions", "insights", "taken back", "loss of the\nlast round", "running loss",
        "change of θ", "of log λ", "of log σ²",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for one in outcomes:
        was, now = one.recorded, one.altered
        table.add_row(
            one.domain,
            _pair(str(was.versions), str(now.versions)),
            _pair(str(was.insights), str(now.insights)),
            _pair(str(was.taken_back), str(now.taken_back)),
            _pair(_number(was.mean_loss), _number(now.mean_loss)),
            _pair(_number(was.running_loss), _number(now.running_loss)),
            f"{one.theta:.4g} of {one.theta_norm:.4g}",
            f"{one.log_lambda:.4g} of {one.log_lambda_norm:.4g}",
            f"{one.log_sigma2:.4g} of {one.log_sigma2_norm:.4g}",
        )
    note = "Losses are those that clients reported on the parameters they really had."
    return Group(table, Text(note, style="dim"))


def repair_text(links: Sequence[Link]) -> RenderableType:
    """What a repair came to."""
    if not links:
        return Text("nothing was published", style="yellow")
    lines = [Text("the repair is in the ledger", style="bold green")]
    lines += [Text(f"{link.name} at {link.position}, hash {link.hash}") for link in links]
    return Group(*lines)


def _verdict(report: VerifyReport) -> str:
    if not report.is_sound:
        return "the log does not bear the ledger out"
    if not report.asked:
        return "the ledger is empty"
    if not report.is_complete:
        return "nothing is wrong, but not every version can be recomputed any more"
    return "the log bears the ledger out: chain whole, every version recomputed, hashes equal"


def _signatures(report: VerifyReport) -> str:
    found, total = report.signatures, len(report.chain.links)
    if len(found.unsigned) == total:
        return "unsigned"
    parts = [_of_key(found, key_id, count) for key_id, count in sorted(found.keys.items())]
    if found.unsigned:
        parts.append(f"{len(found.unsigned)} unsigned ({ranges(found.unsigned)})")
    return "; ".join(parts)


def _of_key(found: Signatures, key_id: str, count: int) -> str:
    if not found.checked:
        return f"{count} by key {key_id}, not checked: give --trusted-keys FILE"
    return f"{found.good[key_id]} of {count} by key {key_id} hold"


def _lost_count(report: VerifyReport) -> int:
    return sum(map(len, report.lost.values()))


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"


def _pair(was: str, now: str) -> str:
    return was if was == now else f"{was} → {now}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
