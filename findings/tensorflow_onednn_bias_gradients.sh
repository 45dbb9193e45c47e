#!/usr/bin/env bash
# TensorFlow 2.21.0 with oneDNN (the default on processors with AVX512-VNNI and the like): in a `tf.function`, convolutions whose outputs are stacked
# get each other's bias gradients. No error is raised, and the same function run eagerly gives the right ones.
#
# In words: a Keras model of three `Conv2D` heads on one input, joined by `keras.ops.stack`, and a loss that is linear in its outputs, so that the exact
# gradient by each bias is a sum of known weights. Eagerly all three are exact. In a `tf.function` the second and third head have exchanged
# theirs, as soon as the kernels' gradients are asked for, too; with TF_ENABLE_ONEDNN_OPTS=0 they are exact. Heads of different widths end in an
# error about shapes instead. TensorFlow's oneDNN pass merges the gradients of a convolution's kernel and of a bias where both take the output of the
# same operation; where that operation has several outputs (the gradient of `stack`, or a `split`), the pair can be one of two convolutions.
# Source: tensorflow/core/common_runtime/mkl_layout_pass.cc, the rule that merges Conv2DBackpropFilter and BiasAddGrad.
#
# Seen with tensorflow 2.21.0, keras 3.15.1, numpy 2.4.6, TF_ENABLE_ONEDNN_OPTS=1 and then 0:
#     eagerly: the heads' bias gradients are off by 0.00, 0.00, 0.00
#     in a tf.function: the heads' bias gradients are off by 0.00, 19.38, 19.38
#     eagerly: the heads' bias gradients are off by 0.00, 0.00, 0.00
#     in a tf.function: the heads' bias gradients are off by 0.00, 0.00, 0.00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "keras==3.15.1" "tensorflow==2.21.0" "numpy==2.4.6"
cat > "$folder/show.py" <<'PY'
import os

import keras
import numpy as np
import tensorflow as tf

onednn = os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
print(f"tensorflow {tf.__version__}, keras {keras.__version__}, numpy {np.__version__}, oneDNN {'on' if onednn else 'off'}")
keras.utils.set_random_seed(1)
x = keras.random.normal((8, 6, 6, 4))
weights = keras.random.normal((3, 8, 6, 6, 5))
inputs = keras.Input((6, 6, 4))
heads = [keras.layers.Conv2D(5, 3, padding="same") for _ in range(3)]
model = keras.Model(inputs, keras.ops.stack([head(inputs) for head in heads]))


def gradients():
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * model(x))
    return tape.gradient(loss, [head.bias.value for head in heads] + [head.kernel.value for head in heads])


exact = [weights[place].numpy().sum(axis=(0, 1, 2)) for place in range(3)]
for name, found, wrong in (("eagerly", gradients(), False), ("in a tf.function", tf.function(gradients)(), onednn)):
    apart = [float(np.abs(a - b).max()) for a, b in zip(exact, found[:3])]
    print(f"{name}: the heads' bias gradients are off by " + ", ".join(f"{gap:.2f}" for gap in apart))
    if (max(apart) > 1e-2) != wrong:
        raise SystemExit("this has changed")
PY
for onednn in 1 0; do
    TF_ENABLE_ONEDNN_OPTS=$onednn TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/show.py"
done
echo "as described: with oneDNN heads have each other's bias gradients in a tf.function"
