import numpy as np

from scarcity.learning.initial import LOG_SIGMA2, carry_over, default_z


def test_the_default_has_no_opinion_on_weights() -> None:
    z = default_z(3)
    assert not z[:, :64].any()
    assert (z[:, -1] == LOG_SIGMA2).all()


def test_variances_are_carried_over_by_group_of_weights() -> None:
    z = np.zeros((10, 129))
    z[:, 64] = 1.0  # bias
    z[:, 65:67] = [2.0, 4.0]  # two inputs: their mean is 3
    z[:, 67:128] = 5.0  # random features
    z[:, -1] = -6.0
    carried = carry_over(z, from_inputs=2, to_inputs=4)
    expected = [1.0, 3.0, 3.0, 3.0, 3.0, *[5.0] * 59]
    assert carried[3, 64:128].tolist() == expected
    assert not carried[:, :64].any()
    assert (carried[:, -1] == -6.0).all()
