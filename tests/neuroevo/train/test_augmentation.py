"""Augmentation varies samples and nothing else."""

import numpy as np
import pytest

from neuroevo.train.augmentation import augmented
from neuroevo.train.recipe import Augmentation

X = np.random.default_rng(0).normal(size=(200, 8, 6, 3)).astype(np.float32)


def test_flipping_mirrors_about_half_and_keeps_the_rest():
    varied = augmented(X, Augmentation(flip=True), np.random.default_rng(1))
    same = (varied == X).all(axis=(1, 2, 3))
    assert (varied[~same] == X[~same][:, :, ::-1]).all()
    assert 70 < same.sum() < 130


def test_shifting_moves_by_up_to_so_many_pixels_in_every_direction():
    varied = augmented(X, Augmentation(shift=1), np.random.default_rng(1))
    padded = np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    moves = np.stack([padded[:, dy : dy + 8, dx : dx + 6] for dy in range(3) for dx in range(3)])
    found = (moves == varied).all(axis=(2, 3, 4))
    assert found.any(axis=0).all()
    assert (found.sum(axis=1) > 5).all()


def test_cropping_stays_within_the_image_and_near_it():
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32)[None, :, None, None], (100, 8, 8, 1))
    varied = augmented(ramp, Augmentation(crop=0.25), np.random.default_rng(1))
    assert varied.min() >= 0
    assert varied.max() <= 7
    steps = np.diff(varied[:, :, 0, 0], axis=1)
    assert steps.min() >= 0.75 - 1e-5
    assert steps.max() <= 1 + 1e-5
    assert len(np.unique(varied[:, 0, 0, 0])) > 50


def test_sequences_are_shifted_along_their_steps():
    x = np.arange(20, dtype=np.float32).reshape(1, 20, 1).repeat(50, axis=0)
    varied = augmented(x, Augmentation(shift=2), np.random.default_rng(0))[..., 0]
    assert set(np.unique(varied[:, 10])) == {8.0, 9.0, 10.0, 11.0, 12.0}


def test_the_stream_decides():
    augment = Augmentation(flip=True, shift=1, crop=0.1)
    once, again = (augmented(X, augment, np.random.default_rng(3)) for _ in range(2))
    assert (once == again).all()


def test_features_cannot_be_augmented():
    with pytest.raises(ValueError, match="needs images or sequences"):
        augmented(np.zeros((3, 4), np.float32), Augmentation(shift=1), np.random.default_rng(0))
