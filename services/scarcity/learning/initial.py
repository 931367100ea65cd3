"""Where a domain without relatives starts, and what may be carried over between families.

Between families the inputs differ, so theta means nothing there; log lambda by group of weights
(bias, linear, random features) and log sigma^2 can be carried over.
"""

import numpy as np
import numpy.typing as npt

from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT, META_COUNT

Array = npt.NDArray[np.float64]

# Tuned on three public panels (benchmarks/learning/panels.py); natural logarithms.
LOG_LAMBDA_BIAS = 0.0
LOG_LAMBDA_LINEAR = -2.0
LOG_LAMBDA_WAVES = -3.0
LOG_SIGMA2 = -2.0
INITIAL_VALUES = (LOG_LAMBDA_BIAS, LOG_LAMBDA_LINEAR, LOG_LAMBDA_WAVES, LOG_SIGMA2)

THETA = slice(0, FEATURE_COUNT)
LOG_LAMBDA = slice(FEATURE_COUNT, 2 * FEATURE_COUNT)


def waves(inputs: int) -> slice:
    """Entries of theta (and, 64 further, of log lambda) that weigh random features."""
    return slice(1 + inputs, FEATURE_COUNT)


def default_z(inputs: int) -> Array:
    """Return the start without any knowledge: theta 0 and the tuned variances; float64 [E, 129].

    >>> default_z(4).shape
    (10, 129)
    """
    z = np.zeros((EXPERT_COUNT, META_COUNT))
    log_lambda = z[:, LOG_LAMBDA]
    log_lambda[:, :1] = LOG_LAMBDA_BIAS
    log_lambda[:, 1 : 1 + inputs] = LOG_LAMBDA_LINEAR
    log_lambda[:, 1 + inputs :] = LOG_LAMBDA_WAVES
    z[:, -1] = LOG_SIGMA2
    return z


def carry_over(z: Array, *, from_inputs: int, to_inputs: int) -> Array:
    """Return a start for a family with other inputs: theta 0, log lambda by group, log sigma^2.

    Args:
        z: another family's parameters; float64 [E, 129].

    Returns:
        float64 [E, 129].
    """
    log_lambda = z[:, LOG_LAMBDA]
    result = default_z(to_inputs)
    target = result[:, LOG_LAMBDA]
    target[:, :1] = log_lambda[:, :1]
    target[:, 1 : 1 + to_inputs] = _row_means(log_lambda[:, 1 : 1 + from_inputs])
    target[:, 1 + to_inputs :] = _row_means(log_lambda[:, 1 + from_inputs :])
    result[:, -1] = z[:, -1]
    return result


def _row_means(values: Array) -> Array:
    # Column by column: np.sum's pairwise order may change between numpy releases.
    total: Array = np.zeros((len(values), 1))
    for column in range(values.shape[1]):
        total = total + values[:, column : column + 1]
    means: Array = total / values.shape[1]
    return means
