"""Adam on arrays, elementwise, so that a step is the same bytes on every machine."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Adam:
    """Moments of Adam; powers of beta are running products: libm's pow differs between machines.

    Attributes:
        mean, square: first and second moment, float64 of the parameters' shape.
        power1, power2: beta1**steps and beta2**steps.
    """

    mean: Array
    square: Array
    power1: float = 1.0
    power2: float = 1.0

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> "Adam":
        """Before any step."""
        return cls(np.zeros(shape), np.zeros(shape))

    def update(
        self, gradient: Array, *, beta1: float, beta2: float, epsilon: float
    ) -> tuple["Adam", Array]:
        """Take a gradient in; return the new moments and the direction to step against.

        Source: Kingma and Ba (2015), arXiv:1412.6980, algorithm 1.

        >>> adam, step = Adam.zeros((1,)).update(
        ...     np.array([3.0]), beta1=0.9, beta2=0.999, epsilon=0.0)
        >>> round(float(step[0]), 9)
        1.0
        """
        mean = beta1 * self.mean + (1 - beta1) * gradient
        square = beta2 * self.square + (1 - beta2) * (gradient * gradient)
        power1, power2 = self.power1 * beta1, self.power2 * beta2
        step = (mean / (1 - power1)) / (np.sqrt(square / (1 - power2)) + epsilon)
        return Adam(mean, square, power1, power2), step

    def without_momentum(self) -> "Adam":
        """Forget the direction, keep the scale."""
        return replace(self, mean=np.zeros_like(self.mean), power1=1.0)
