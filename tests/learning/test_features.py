import pytest
import torch

from scarcity.learning.features import feature_maps
from scarcity.learning.length_scales import LENGTH_SCALES


def test_the_first_features_are_one_and_the_scaled_inputs() -> None:
    x = torch.tensor([[2.0, -4.0, 6.0, 8.0]], dtype=torch.float64)
    features = feature_maps("retail", 4).apply(x)
    # sqrt(p) = 2 with four inputs.
    expected = torch.tensor([1.0, 1.0, -2.0, 3.0, 4.0], dtype=torch.float64)
    assert features.shape == (10, 1, 64)
    assert torch.equal(features[:, 0, :5], expected.expand(10, 5))


def test_the_last_expert_is_linear() -> None:
    features = feature_maps("retail", 4).apply(torch.ones(3, 4, dtype=torch.float64))
    assert LENGTH_SCALES[-1] == float("inf")
    assert not features[-1, :, 5:].any()
    assert features[:-1, :, 5:].any()


def test_every_client_draws_the_same_maps_for_years() -> None:
    maps = feature_maps("retail", 3)
    # Golden figures of 2026-11: a change here breaks every running domain.
    golden = torch.tensor([0.5674485979, -0.3713364105, 0.235169447], dtype=torch.float64)
    assert torch.allclose(maps.frequencies[1, :, 0], golden, rtol=0, atol=1e-9)


def test_families_draw_different_maps() -> None:
    assert not torch.equal(feature_maps("a", 3).phases, feature_maps("b", 3).phases)


def test_similar_rows_have_similar_features_at_the_expert_s_length_scale() -> None:
    # E[phi(x).phi(x')] of the random part is exp(-|x-x'|^2 / (2 l^2)) (Rahimi and Recht, 2007);
    # averaged over many seeds the deviation is small.
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    for expert, scale in ((1, 1.0), (3, 2.0)):
        products = []
        for seed in range(40):
            waves = feature_maps(str(seed), 2).apply(x)[expert, :, 3:]
            products.append(float(waves[0] @ waves[1]))
        kernel = float(torch.exp(torch.tensor(-1 / (2 * scale**2))))
        assert sum(products) / len(products) == pytest.approx(kernel, abs=0.05)


@pytest.mark.parametrize("inputs", [0, 63])
def test_too_few_or_too_many_inputs_are_refused(inputs: int) -> None:
    with pytest.raises(ValueError, match="1 to 62"):
        feature_maps("retail", inputs)


def test_rows_with_another_number_of_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="the maps want 3"):
        feature_maps("retail", 3).apply(torch.zeros(2, 4, dtype=torch.float64))
