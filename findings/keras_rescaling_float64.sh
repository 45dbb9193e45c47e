#!/usr/bin/env bash
# Keras: a Rescaling layer of dtype float64 holds its scale and offset as float32.
#
# In words: `keras.layers.Rescaling(scale, offset, dtype="float64")` computes in float64 and gives float64, but its scale and offset are rounded to
# float32 before they are used. With an offset of 1,700,000,005.62 (seconds since 1970) the answer is off by 5.62; nothing is said. A frozen
# `Dense` layer of the same dtype keeps both numbers. Who writes a model that turns raw numbers into features, or predictions into their own
# units, loses all differences below one part in 16 million of the offset.
#
# Seen with keras 3.11.3, tensorflow 2.20.0, numpy 2.2.6 (and with keras 3.15.1):
#     Rescaling: 1700000000.0 (float64)
#     Dense:     1700000005.6225798 (float64)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "keras==3.11.3" "tensorflow-cpu==2.20.0" "numpy==2.2.6"
cat > "$folder/show.py" <<'PY'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf

offset = 1_700_000_005.6225798
x = np.zeros((1, 1))
rescaled = np.asarray(keras.layers.Rescaling(1.0, offset, dtype="float64")(x))
dense = keras.layers.Dense(1, dtype="float64")
dense.build((None, 1))
dense.set_weights([np.ones((1, 1)), np.array([offset])])
kept = np.asarray(dense(x))
print(f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}")
print(f"0 * 1 + {offset!r}, asked for in float64")
print(f"Rescaling: {float(rescaled[0, 0])!r} ({rescaled.dtype})")
print(f"Dense:     {float(kept[0, 0])!r} ({kept.dtype})")
off = abs(float(rescaled[0, 0]) - offset)
if rescaled.dtype == np.float64 and off > 1.0 and float(kept[0, 0]) == offset:
    print(f"as described: Rescaling is off by {off:.3f}")
else:
    raise SystemExit("this has changed")
PY
"$folder/venv/bin/python" "$folder/show.py" 2>&1 | grep -v -E "^(WARNING|I0|E0|W0)"
