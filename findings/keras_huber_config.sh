#!/usr/bin/env bash
# Keras: a Huber loss's configuration does not hold its delta, so what is made again from it is another loss.
#
# In words: `keras.losses.Huber(delta=0.25).get_config()` has the keys `name` and `reduction` only, and equals that of `Huber(delta=0.5)`.
# `Huber.from_config` of it gives the default, delta 1. So the loss of a model that was compiled with it, serialised and made again is another one,
# and two trainings that differ in delta cannot be told apart by their configurations. Nothing is said. Source: `LossFunctionWrapper.get_config` in
# keras/src/losses/losses.py keeps the function's arguments out of what `Huber` inherits.
#
# Seen with keras 3.15.1, numpy 2.2.6 (backend jax 0.6.2):
#     the loss of an error of 3, delta 0.25: 0.71875; made again from its configuration: 2.5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "keras==3.15.1" "numpy==2.2.6" "scipy==1.15.3" "jax==0.6.2"
cat > "$folder/show.py" <<'PY'
import keras
import numpy as np

loss = keras.losses.Huber(delta=0.25)
config = loss.get_config()
again = keras.losses.Huber.from_config(config)
true, predicted = np.array([[0.0]], "float32"), np.array([[3.0]], "float32")
print(f"keras {keras.__version__}, numpy {np.__version__}, backend {keras.backend.backend()}")
print("configuration:", config)
first, second = float(loss(true, predicted)), float(again(true, predicted))
print(f"the loss of an error of 3, delta 0.25: {first}; made again from its configuration: {second}")
if config != keras.losses.Huber(delta=0.5).get_config() or first == second:
    raise SystemExit("this has changed")
print("as described: two deltas, one configuration")
PY
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/show.py"
