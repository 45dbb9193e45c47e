#!/usr/bin/env bash
# Keras: export to ONNX reports success for a model with integer bit operations that no ONNX runtime loads.
#
# In words: a Keras model that takes along its last axis the value of largest magnitude (`take_along_axis` of `argmax`) is exported by
# `model.export(path, format="onnx")` without an error, and the file is written. It holds TensorFlow's operations `Bitcast` and `BitwiseAnd`, which the
# converter (tf2onnx) could not translate, under names that ONNX does not have; this stands in the converter's log alone. onnxruntime
# refuses the file. Who does not load it again ships a file that nobody can use.
#
# Seen with keras 3.15.1, tensorflow 2.21.0, tf2onnx 1.17.0, onnxruntime 1.23.2:
#     Tensorflow op [functional_1/Bitcast: Bitcast] is not supported (in the log)
#     onnxruntime: INVALID_GRAPH : ... This is an invalid model. In Node, ("functional_1/Bitcast", Bitcast, ...)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "keras==3.15.1" "tensorflow==2.21.0" "tf2onnx==1.17.0" "onnxruntime==1.23.2"
cat > "$folder/show.py" <<'PY'
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import onnxruntime
import tf2onnx

inputs = keras.Input((5,))
where = keras.ops.argmax(keras.ops.absolute(inputs), axis=-1, keepdims=True)
model = keras.Model(inputs, keras.ops.take_along_axis(inputs, where, axis=-1))
path = os.path.join(sys.argv[1], "model.onnx")
model(keras.ops.zeros((1, 5)))
model.export(path, format="onnx", verbose=False)
print(f"keras {keras.__version__}, tf2onnx {tf2onnx.__version__}, onnxruntime {onnxruntime.__version__}")
print(f"export returned; the file has {os.path.getsize(path):,} bytes")
try:
    onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
except Exception as error:
    print("onnxruntime:", " ".join(str(error).split())[:200])
    print("as described: the file that was exported cannot be loaded")
else:
    raise SystemExit("this has changed: it loads")
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder" 2>&1 | grep -v -E "^(WARNING|INFO|I0|E0|W0)"
