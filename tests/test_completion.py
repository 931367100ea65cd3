"""The script completes in a real shell."""

import subprocess

import pytest

from scarcity.cli import build_parser, main
from scarcity.completion import script

COMPLETE = """
{script}
COMP_WORDS=({words} '{start}'); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_shtab_scarcity scarcity '{start}' '' 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def bash_script() -> str:
    return script(build_parser(), "bash")


@pytest.mark.parametrize(
    ("words", "start", "offered"),
    [
        ("scarcity", "dead", "dead-letters"),
        ("scarcity dead-letters", "req", "requeue"),
        ("scarcity dead-letters requeue", "--dry", "--dry-run"),
        ("scarcity run", "mem", "memory"),
        ("scarcity completion", "z", "zsh"),
    ],
)
def test_bash_completes_commands_verbs_options_and_choices(
    bash_script: str, words: str, start: str, offered: str
) -> None:
    code = COMPLETE.format(script=bash_script, words=words, start=start)
    done = subprocess.run(["bash"], input=code, capture_output=True, text=True, timeout=60)
    assert offered in done.stdout.split(), done.stderr


def test_an_option_that_takes_a_path_completes_files(bash_script: str) -> None:
    assert "_shtab_scarcity_report___out_COMPGEN=_shtab_compgen_files" in bash_script


def test_the_script_for_zsh_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out.startswith("#compdef scarcity")
