"""What can be said of the pages without running them."""

import re
from pathlib import Path

import pytest
from tests.docs.blocks import COMMANDS, blocks_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)?(#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_stands_in_a_block_that_is_run_or_says_why_not(page: Path) -> None:
    for block in blocks_of(page):
        if page.name == "results.md" or block.language not in ("", "console", "bash", "shell"):
            continue
        lines = [line for line in block.text.splitlines() if line.startswith(COMMANDS)]
        assert not lines, f"{block.where}: {lines[0]!r} would not be tested: mark the block sh"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_skipped_block_says_why(page: Path) -> None:
    for block in blocks_of(page):
        if "skip" in block.options:
            assert len(block.options["skip"]) > 10, f"{block.where}: skip=why?"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text("utf-8")):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        there = (page.parent / target) if target else page
        assert there.exists(), f"{page.name}: no {target}"
        if anchor and there.suffix == ".md":
            text = there.read_text("utf-8")
            assert f'id="{anchor[1:]}"' in text or anchor[1:] in _anchors(text), (
                f"{page.name}: no {anchor} in {there.name}"
            )


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
