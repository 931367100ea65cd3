"""What is shipped to the browser: nothing from elsewhere, nothing that makes HTML of text."""

import re
from pathlib import Path

import pytest

from scarcity.dashboard.pages.all import PAGES
from scarcity.dashboard.web import STATIC, TYPES

FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
SINKS = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
    "srcdoc", "DOMParser", "createContextualFragment", "setAttribute('style'", "javascript:",
)  # fmt: skip


def name_of(path: Path) -> str:
    return str(path.relative_to(STATIC))


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_no_script_makes_html_of_text(path: Path) -> None:
    text = path.read_text("utf-8")
    assert [sink for sink in SINKS if sink in text] == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    found = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s'\"]*", path.read_text("utf-8"))
    assert [one for one in found if one != "http://www.w3.org/2000/svg"] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_every_import_is_a_file_that_has_what_is_imported(path: Path) -> None:
    text = path.read_text("utf-8")
    for names, target in re.findall(r"import (?:\{([^}]*)\}|\* as \w+) from '([^']+)'", text):
        found = (path.parent / target).resolve()
        assert found.is_file(), target
        exported = found.read_text("utf-8")
        for name in filter(None, (n.split(" as ")[0].strip() for n in names.split(","))):
            declared = rf"export (?:async )?(?:const|let|function|class) {name}\b"
            listed = rf"export \{{[^}}]*\b{name}\b"
            assert re.search(f"{declared}|{listed}", exported), f"{target}: {name}"


def test_pages_hold_no_script_or_style_of_their_own() -> None:
    for path in FILES:
        if path.suffix == ".html":
            text = path.read_text("utf-8")
            assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", text), path


def test_every_kind_of_file_has_a_type_and_every_page_a_view() -> None:
    assert {path.suffix for path in FILES} <= TYPES.keys()
    views = (STATIC / "app.js").read_text("utf-8")
    assert all(re.search(rf"\b{name}\b", views) for name in PAGES)


def test_the_package_ships_every_file() -> None:
    pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    folders = {str(path.parent.relative_to(STATIC.parent)) for path in FILES}
    assert all(f'"dashboard/{folder}/*"' in pyproject for folder in folders)
