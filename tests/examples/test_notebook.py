"""The notebook runs from its first cell to its last, on real data, and its plots are plots."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook" / "first_steps.ipynb"
RUNNER = Path(__file__).parent / "run_notebook.py"
MOST_BYTES = 150_000


def outputs(notebook: dict, kind: str) -> list[str]:
    """All outputs of a media type, in order."""
    return [
        "".join(output["data"][kind])
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if kind in output.get("data", {})
    ]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    directory = tmp_path_factory.mktemp("notebook")
    result = directory / "out.ipynb"
    # In a process of its own: the kernel's sockets outlive their client (jupyter_client 8).
    subprocess.run(
        [sys.executable, str(RUNNER), str(NOTEBOOK), str(result)],
        # One thread: threads of torch that wait for each other starve on a busy machine.
        env={**os.environ, "IPYTHONDIR": str(directory), "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=170,
    )
    return json.loads(result.read_text("utf-8"))


def test_every_cell_runs_and_new_clients_gain(executed: dict) -> None:
    told = outputs(executed, "text/plain")
    assert any(line.startswith("SFHFEClient('ALGERIA', economic: 26 rows") for line in told)
    (medians,) = [text for text in told if text.startswith("with the domain")]
    with_domain, alone = (float(line.split()[-1]) for line in medians.splitlines()[:2])
    assert with_domain < alone


def test_its_plots_are_pictures(executed: dict) -> None:
    pictures = [base64.b64decode(text) for text in outputs(executed, "image/png")]
    assert len(pictures) == 2
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 5_000 for picture in pictures)


def test_what_is_committed_was_executed_in_order_and_stays_small() -> None:
    kept = json.loads(NOTEBOOK.read_text("utf-8"))
    counts = [c["execution_count"] for c in kept["cells"] if c["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert len(outputs(kept, "image/png")) == 2
    assert not [o for c in kept["cells"] for o in c.get("outputs", ()) if o.get("name") == "stderr"]
    assert NOTEBOOK.stat().st_size < MOST_BYTES
