"""What clients publish with one thread of torch and with two: docs/audit.md says what holds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

MAKE = """
import json, numpy, torch
torch.set_num_threads(THREADS)
from scarcity.learning.client_step import Draw, RowBatch, client_step
from scarcity.learning.features import feature_maps
from scarcity.learning.initial import default_z
draw, told = numpy.random.default_rng(0), {}
for rows, clients in ((8, 10), (200, 4)):
    tables = [
        (torch.from_numpy(draw.normal(size=(rows, 3))), torch.from_numpy(draw.normal(size=rows)))
        for _ in range(clients)
    ]
    z = torch.from_numpy(default_z(3) + 0.1 * draw.normal(size=(10, 129)))
    step = client_step(
        RowBatch.of(feature_maps("f", 3), tables), [Draw(f"c{n}", 1) for n in range(clients)], z,
        domain="d", meta_version=1, support_rows=rows // 2, previous_z=z + 0.01,
    )
    told[rows] = [step.losses.tolist(), step.previous_losses.tolist(), step.slopes.tolist()]
print(json.dumps(told))
"""


def made(threads: int) -> dict[str, list[np.ndarray]]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    run = subprocess.run(
        [sys.executable, "-c", MAKE.replace("THREADS", str(threads))],
        env={**os.environ, **dict.fromkeys(names, str(threads))},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return {rows: [np.array(a) for a in told] for rows, told in json.loads(run.stdout).items()}


def test_slopes_are_the_same_integers_and_losses_agree_to_twelve_digits() -> None:
    one, two = made(1), made(2)
    for rows in ("8", "200"):
        for a, b in zip(one[rows][:2], two[rows][:2], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
        assert np.array_equal(one[rows][2], two[rows][2])
    # What fits one thread is not divided among two.
    assert np.array_equal(one["8"][0], two["8"][0])
