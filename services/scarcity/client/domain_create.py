"""`scarcity domain create`: a new domain from a CSV file, in one command."""

import argparse
import asyncio
import os
from pathlib import Path

from scarcity.broker.commands import add_bootstrap_servers, settings_of


def register_create(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `create` to `scarcity domain`."""
    parser = actions.add_parser(
        "create",
        help="draft a profile from a CSV file, make the topics, declare the domain",
        description="Reads the columns of a CSV file on this machine, writes NAME.yaml, creates "
        "the domain's topics and publishes the profile. No row leaves this machine.",
    )
    parser.add_argument("name", help="lower-case letters, digits and hyphens")
    parser.add_argument("--data", type=Path, required=True, help="CSV file; line 1 names columns")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--entity", help="column of which each value is a client of its own")
    parser.add_argument("--family", help="domains of a family share what they learn (NAME)")
    parser.add_argument(
        "--privacy", choices=("budget", "open"), default="budget", help="open: for public data"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="profile to write (NAME.yaml)")
    parser.add_argument(
        "--file", type=Path, help="topics file (SCARCITY_TOPICS_FILE, else topics.yaml here)"
    )
    parser.add_argument(
        "--draft", action="store_true", help="write the profile only, and ask no broker"
    )
    add_bootstrap_servers(parser)
    parser.set_defaults(handler=create_domain)


def create_domain(args: argparse.Namespace) -> int:
    """`scarcity domain create`."""
    from scarcity.client.domain_draft import as_yaml, draft_profile
    from scarcity.client.domain_file import read_profiles
    from scarcity.events.errors import InputError

    draft = draft_profile(
        args.data,
        args.name,
        target=args.target,
        entity=args.entity,
        family=args.family,
        privacy=args.privacy,
    )
    out: Path = args.out or Path(f"{args.name}.yaml")
    text = as_yaml(draft.profile)
    if out.exists() and out.read_text("utf-8") != text:
        raise InputError(
            f"{out} is there and says something else: `scarcity domain apply {out}` declares it, "
            "or name another with --out"
        )
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written: {error.strerror}") from None
    print(*draft.remarks(), f"profile: {out}", sep="\n")
    if args.draft:
        print(f"next: look it through, then scarcity domain apply {out}")
        return 0
    _declare(args, out)
    (profile,) = read_profiles(out)
    entity = f" --entity {args.entity}" if args.entity else ""
    there = f" --bootstrap-servers {args.bootstrap_servers}" if args.bootstrap_servers else ""
    print(
        f"domain {profile.domain}: topics made, profile published\n"
        f"next: scarcity client --data {args.data} --domain {profile.domain}{entity}{there}"
    )
    return 0


def _declare(args: argparse.Namespace, profile: Path) -> None:
    from scarcity.broker.admin import TopicAdmin
    from scarcity.broker.declared import find_topics_file, load_topics
    from scarcity.client.domain_commands import publish_profiles
    from scarcity.client.domain_file import read_profiles

    settings = settings_of(args)
    declared = load_topics(find_topics_file(args.file, os.environ))
    admin = TopicAdmin(settings)
    admin.apply(admin.plan(declared, [args.name]))
    asyncio.run(publish_profiles(settings, read_profiles(profile)))
