"""Recipes: schedules, sizes, and their JSON."""

import numpy as np
import pytest

from neuroevo.train.recipe import Augmentation, Recipe


def test_cosine_starts_at_the_rate_and_ends_near_zero():
    rates = Recipe(epochs=10, learning_rate=0.1).rates(50)
    assert rates.shape == (10, 50)
    assert rates[0, 0] == pytest.approx(0.1)
    assert rates[-1, -1] < 1e-6
    assert (np.diff(rates.ravel()) < 0).all()


def test_warm_restarts_come_back_to_the_rate_after_longer_and_longer_periods():
    rates = Recipe(epochs=7, learning_rate=0.1, schedule="restarts", period=1, growth=2).rates(100).ravel()
    assert [k for k in range(700) if rates[k] == pytest.approx(0.1)] == [0, 100, 300]
    assert rates[99] < 1e-3 > rates[299]


def test_warmup_rises_to_the_rate():
    rates = Recipe(epochs=8, learning_rate=0.1, schedule="constant", warmup=2).rates(10).ravel()
    assert rates[0] == pytest.approx(0.005)
    assert np.allclose(rates[19:], 0.1)


def test_small_data_gets_small_batches_and_more_epochs():
    small, large = Recipe().sized(1000), Recipe().sized(48_000)
    assert (small.batch_size, small.epochs) == (16, 40)
    assert large.batch_size == 64
    assert 3 <= large.epochs < 10
    assert Recipe(epochs=7, batch_size=5).sized(1000) == Recipe(epochs=7, batch_size=5)


def test_a_recipe_survives_json():
    recipe = Recipe(epochs=3, optimizer="adamw", augment=Augmentation(flip=True, shift=2))
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"learning_rate": 0}, "learning_rate must be > 0"),
        ({"epochs": -1}, "epochs must be >= 0"),
        ({"batch_size": 0}, "batch_size must be >= 1"),
        ({"label_smoothing": 1.0}, "label_smoothing must be in"),
        ({"epocs": 3}, "did you mean 'epochs'"),
        ({"augment": {"shift": -1}}, "shift must be >= 0"),
    ],
)
def test_a_bad_setting_is_one_sentence(setting, words):
    with pytest.raises(ValueError, match=words):
        Recipe.from_dict(setting)
