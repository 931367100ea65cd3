"""Tables of people in and out: arrays and pandas DataFrames as rows, rows as DataFrames.

pandas is imported only where a DataFrame is made: who brings one has it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scarcity.client.table import Rows
from scarcity.events.errors import InputError
from scarcity.events.insight import Insight

Array = npt.NDArray[np.float64]


def is_frame(data: Any) -> bool:
    """Whether it has named columns, as a DataFrame does."""
    return hasattr(data, "columns")


def rows_of(client: str, data: Any, target: str | None) -> tuple[tuple[str, ...], Rows]:
    """Column names, features then target, and rows of (x, y) or of a DataFrame.

    Raises:
        InputError: too few rows or too many columns, or something other than finite numbers.
    """
    if is_frame(data):
        if target is None or target not in data.columns:
            raise InputError(f"client {client!r}: target {target!r} is no column of the DataFrame")
        names = [str(c) for c in data.columns if c != target]
        x, y = data.drop(columns=[target]), data[target]
        columns = (*names, target)
    else:
        x, y = data
        columns = (*(f"x{i}" for i in range(np.atleast_2d(np.asarray(x)).shape[1])), "y")
    try:
        rows = Rows(np.asarray(x, np.float64), np.asarray(y, np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(f"client {client!r}: its data are not all numbers: {error}") from None
    if rows.x.ndim != 2 or rows.y.shape != rows.x.shape[:1]:
        raise InputError(
            f"client {client!r}: want x [n, features] and y [n]; got {rows.x.shape}, {rows.y.shape}"
        )
    if len(rows) < 2 or not 1 <= rows.x.shape[1] <= 62:
        raise InputError(f"client {client!r}: want 2 rows or more of 1 to 62 features")
    if not (np.isfinite(rows.x).all() and np.isfinite(rows.y).all()):
        raise InputError(f"client {client!r}: its data hold a number that is not finite")
    return columns, rows


def asked_rows(x: Any, features: Sequence[str]) -> Array:
    """Rows to predict for; float64 [n, features].

    Raises:
        InputError: a feature is missing, the shape is another, or a value is no finite number.
    """
    if is_frame(x):
        missing = [name for name in features if name not in {str(c) for c in x.columns}]
        if missing:
            raise InputError(f"the DataFrame lacks columns: {', '.join(missing)}")
        named = {str(column): column for column in x.columns}
        x = x[[named[name] for name in features]]
    try:
        rows = np.atleast_2d(np.asarray(x, np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(f"the rows are not all numbers: {error}") from None
    if rows.ndim != 2 or rows.shape[1] != len(features):
        raise InputError(f"want rows [n, {len(features)}]; got {rows.shape}")
    if not np.isfinite(rows).all():
        raise InputError("the rows hold a number that is not finite")
    return rows


def as_asked(predicted: Array, x: Any, name: str) -> Any:
    """Predictions as they were asked for: an array, or a Series with the DataFrame's index."""
    if not is_frame(x):
        return predicted
    import pandas as pd

    return pd.Series(predicted, index=x.index, name=name)


def rows_frame(rows: Rows, columns: Sequence[str]) -> Any:
    """Rows as a DataFrame; the target is the last column."""
    import pandas as pd

    return pd.DataFrame(np.column_stack([rows.x, rows.y]), columns=list(columns))


def experts_frame(insight: Insight, domain_losses: Sequence[float]) -> Any:
    """An insight as a DataFrame: a row an expert.

    Args:
        domain_losses: that clients of the domain route by; NaN where no one was heard.
    """
    import pandas as pd

    told = insight.expert_insights
    numbered = {name: int(name.removeprefix("expert_")) for name in told}
    return (
        pd.DataFrame(
            {
                "loss": {name: expert.loss for name, expert in told.items()},
                "previous_loss": {name: expert.previous_loss for name, expert in told.items()},
                "samples": {name: expert.samples for name, expert in told.items()},
                "domain_loss": {name: domain_losses[at] for name, at in numbered.items()},
            }
        )
        .rename_axis("expert")
        .astype({"previous_loss": "float64"})
    )
