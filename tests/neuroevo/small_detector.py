"""A detection network made by hand, for tests: a feature pyramid of two levels and one head for both."""

from typing import Any

import numpy as np


def small_detector(side: int = 32, classes: int = 10, seed: int = 0, width: int = 24) -> Any:
    """A `keras.Model` with levels of 4 and 8 pixels."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)

    def block(x: Any, filters: int, stride: int = 1) -> Any:
        x = layers.Conv2D(filters, 3, stride, "same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    image = keras.Input((side, side, 1))
    fine = block(block(block(image, 12, 2), width, 2), width)
    coarse = block(block(fine, width, 2), width)
    fine = layers.Add()([layers.Conv2D(width, 1)(fine), layers.UpSampling2D(2)(coarse)])
    rare = keras.initializers.Constant(-float(np.log(99)))
    tower = layers.Conv2D(width, 3, padding="same", activation="relu")
    head = [
        layers.Conv2D(classes, 3, padding="same", bias_initializer=rare),
        layers.Conv2D(4, 3, padding="same", bias_initializer="ones"),
        layers.Conv2D(1, 3, padding="same"),
    ]
    found = [layers.Reshape((-1, classes + 5))(layers.Concatenate()([each(tower(x)) for each in head])) for x in (fine, coarse)]
    return keras.Model(image, layers.Concatenate(axis=1)(found))
