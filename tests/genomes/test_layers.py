"""The layer vocabulary: shapes, counts and legality by themselves (tests/neuroevo/test_decode.py compares the counts with Keras)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomes.layers import SETTINGS, Layer, multiply_adds, output_shape, padding_before, parameters, projection_stride


def convolved(shape, layer):
    """Multiply-adds of a convolution, counted one by one."""
    count = 0
    positions = [range(-(-axis // layer.stride)) for axis in shape[:-1]]
    for _ in positions[0]:
        for _ in positions[1]:
            for _ in range(layer.kernel**2):
                for _ in range(shape[-1]):
                    count += layer.width
    return count


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))
def test_multiply_adds_of_a_convolution_are_those_of_its_loops(height, width, channels, filters, kernel, stride):
    layer = Layer("conv", width=filters, kernel=kernel, stride=stride)
    assert multiply_adds(layer, [(height, width, channels)]) == convolved((height, width, channels), layer)


def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one():
    layer, shape = Layer("separable", width=16, kernel=3), (8, 8, 4)
    assert parameters(layer, [shape]) == 9 * 4 + 4 * 16 + 2 * 16
    assert multiply_adds(layer, [shape]) == 64 * (9 * 4 + 4 * 16)


def test_the_gate_and_the_projection_of_an_add_count():
    main, skip = (4, 4, 8), (8, 8, 3)
    assert parameters(Layer("add", projected=True), [main, skip]) == 8 * 3 + 2 * 8
    assert multiply_adds(Layer("add", projected=True), [main, skip]) == 16 * 8 * 3
    assert parameters(Layer("add"), [main, main]) == 2 * 8


@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 4))
def test_same_padding_splits_the_missing_zeros_with_the_larger_half_behind(length, kernel, stride):
    before = padding_before(length, kernel, stride)
    last_tap = (-(-length // stride) - 1) * stride + kernel - 1 - before
    after = max(last_tap - (length - 1), 0)
    assert before <= after <= before + 1 or (before == 0 and after == 0)


@given(st.integers(1, 40), st.integers(1, 40))
def test_a_projection_has_the_smallest_stride_that_fits_or_is_refused(main, skip):
    fitting = [stride for stride in range(1, 41) if -(-skip // stride) == main]
    if fitting:
        assert projection_stride((main, 5), (skip, 2)) == fitting[0]
    else:
        with pytest.raises(ValueError, match="no stride"):
            projection_stride((main, 5), (skip, 2))


@pytest.mark.parametrize(
    ("layer", "inputs", "sentence"),
    [
        (Layer("conv", width=4, kernel=3), [(10,)], "positions"),
        (Layer("dense", width=4), [(8, 8, 2)], "flatten or pool globally"),
        (Layer("flatten"), [(10,)], "positions"),
        (Layer("max_pool", kernel=2, stride=2), [(1, 8, 2)], "nothing to pool"),
        (Layer("concat"), [(8, 8, 2)], "two or more"),
        (Layer("concat"), [(8, 8, 2), (4, 4, 2)], "equal positions"),
        (Layer("add"), [(8, 8, 2), (8, 8, 3)], "equal shapes"),
        (Layer("add", projected=True), [(8, 8, 2), (10,)], "rank"),
        (Layer("add"), [(8, 8, 2)], "main and skip"),
    ],
)
def test_an_illegal_layer_is_refused_in_a_sentence(layer, inputs, sentence):
    with pytest.raises(ValueError, match=sentence):
        output_shape(layer, inputs)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="did you mean 'conv'"):
        Layer("convv", width=3)
    with pytest.raises(ValueError, match="width of a conv layer must be >= 1, got 0"):
        Layer("conv", kernel=3)
    with pytest.raises(ValueError, match="has no kernel"):
        Layer("dense", width=3, kernel=3)
    with pytest.raises(ValueError, match="no projection"):
        Layer("concat", projected=True)
    assert set(SETTINGS) >= {"conv", "separable", "dense", "add", "concat", "logits"}
