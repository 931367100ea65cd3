from dataclasses import replace

from scarcity.learning.settings import LearningSettings


def test_the_hash_tells_any_two_settings_apart() -> None:
    assert LearningSettings().hash() == LearningSettings().hash()
    assert LearningSettings().hash() != replace(LearningSettings(), rate=0.021).hash()
