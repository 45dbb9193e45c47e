"""Less data for cheaper estimates."""

import numpy as np

from neuroevo.data import load
from neuroevo.data.fidelity import resized, share_of


def test_a_share_has_every_class_alike():
    data = load("digits")
    part = share_of(data, data.train, 0.25, np.random.default_rng(0))
    assert np.abs(np.bincount(part.y) - np.bincount(data.train.y) / 4).max() <= 1


def test_halving_the_resolution_averages_blocks():
    x = np.random.default_rng(0).normal(size=(3, 8, 6, 2)).astype(np.float32)
    expected = x.reshape(3, 4, 2, 3, 2, 2).mean(axis=(2, 4))
    assert np.allclose(resized(x, 0.5), expected, atol=1e-6)


def test_any_resolution_keeps_the_mean():
    x = np.random.default_rng(0).normal(size=(2, 7, 7, 1)).astype(np.float32)
    small = resized(x, 0.7)
    assert small.shape == (2, 5, 5, 1)
    assert np.allclose(small.mean(axis=(1, 2)), x.mean(axis=(1, 2)), atol=1e-5)
