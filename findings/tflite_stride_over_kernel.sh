#!/usr/bin/env bash
# TensorFlow Lite: a `same` convolution whose stride exceeds its kernel along an axis is computed wrongly by tf.lite.Interpreter's default delegate.
#
# In words: Keras's `Conv2D(filters, (3, 1), strides=2, padding="same")` on 8 by 8 inputs leaves the last column out: the padding along
# that axis, (ceil(n / stride) - 1) * stride + kernel - n, would be negative. Exported by `model.export(..., format="litert")`, the file
# gives the model's numbers in `tf.lite.Interpreter` without its default delegates (XNNPACK), and others with them, which is the default; no
# warning is printed. Who compares accuracy before and after the export sees it; who does not ships a network that guesses.
#
# Seen with keras 3.15.1, tensorflow 2.21.0, numpy 2.2.6:
#     largest difference from the Keras model, default: 2.16
#     largest difference from the Keras model, without default delegates: 1.19e-07
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "keras==3.15.1" "tensorflow==2.21.0" "numpy==2.2.6"
cat > "$folder/show.py" <<'PY'
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import warnings

warnings.simplefilter("ignore")
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)
inputs = keras.Input((8, 8, 2))
model = keras.Model(inputs, keras.layers.Conv2D(3, (3, 1), strides=2, padding="same")(inputs))
path = os.path.join(sys.argv[1], "model.tflite")
model.export(path, format="litert", verbose=False)
x = np.random.default_rng(0).normal(size=(1, 8, 8, 2)).astype(np.float32)
expected = np.asarray(model(x))
resolvers = tf.lite.experimental.OpResolverType
off = {}
for name, kind in (("default", resolvers.AUTO), ("without default delegates", resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES)):
    interpreter = tf.lite.Interpreter(path, experimental_op_resolver_type=kind)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    off[name] = float(np.abs(found - expected).max())
print(f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}")
for name, difference in off.items():
    print(f"largest difference from the Keras model, {name}: {difference:.3g}")
if not (off["default"] > 0.1 and off["without default delegates"] < 1e-4):
    raise SystemExit("this has changed")
print("as described: only the default delegate computes other numbers")
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder" 2>&1 | grep -v -E "^(WARNING|INFO|I0|E0|W0)"
