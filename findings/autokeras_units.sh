#!/usr/bin/env bash
# AutoKeras 3.0.0 beside Keras 3.15.1: every search of structured data ends with an error at its first network, whatever the data.
#
# In words: `autokeras.StructuredDataClassifier(max_trials=1).fit(x, y)` on 90 rows of four float32 numbers and three classes raises Keras's
# "Received an invalid value for `units`, expected a positive integer. Received: units=3". The head gives `Dense` the last element of the targets'
# shape, and that is no Python int; Keras's `Dense` takes an instance of `int` alone. The regressor fails in the same way. AutoKeras asks for
# keras>=3.0.0 without an upper limit, so a fresh installation of today has the pair. Sources: autokeras/blocks/heads.py, `build` of both heads;
# keras/src/layers/core/dense.py, `__init__`.
#
# Seen with autokeras 3.0.0, keras 3.15.1, tensorflow 2.21.0, numpy 2.4.6:
#     StructuredDataClassifier: ValueError: Received an invalid value for `units`, expected a positive integer. Received: units=3
#     StructuredDataRegressor: ValueError: Received an invalid value for `units`, expected a positive integer. Received: units=1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "autokeras==3.0.0" "keras==3.15.1" "tensorflow==2.21.0" "numpy==2.4.6"
cat > "$folder/show.py" <<'PY'
import autokeras
import keras
import numpy as np
import tensorflow as tf

print(f"autokeras {autokeras.__version__}, keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}")
rng = np.random.default_rng(1)
x = rng.normal(size=(90, 4)).astype("float32")
answers = {"StructuredDataClassifier": rng.integers(0, 3, 90), "StructuredDataRegressor": rng.normal(size=(90, 1)).astype("float32")}
for name, y in answers.items():
    try:
        getattr(autokeras, name)(max_trials=1, directory=name, overwrite=True).fit(x, y, epochs=1, verbose=0)
    except ValueError as error:
        print(f"{name}: ValueError: {error}")
        if "invalid value for `units`" in str(error):
            continue
    raise SystemExit(f"this has changed: {name} fails otherwise, or not at all")
print("as described: neither trains a network")
PY
cd "$folder" && TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/show.py"
