#!/usr/bin/env bash
# Gymnasium: CartPole's own vector environment, which is what make_vec gives by default, starts elsewhere than single environments of the same seeds.
#
# In words: `gymnasium.make_vec("CartPole-v1", num_envs=3)` gives a `CartPoleVectorEnv`, all of whose cart-poles are drawn from one generator. Reset
# with the seed 11, its members start elsewhere than single environments that are reset with 11, 12 and 13, while the same call with
# `vectorization_mode="sync"` starts exactly there. So the score of one policy on stated seeds depends on how it was played, and nothing
# says so. Source: gymnasium/envs/classic_control/cartpole.py, `CartPoleVectorEnv.reset`.
#
# Seen with gymnasium 1.2.0: sync is equal to the single environments, the default is not (and with gymnasium 1.4.0).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "gymnasium==1.2.0" "numpy==2.2.6"
cat > "$folder/show.py" <<'PY'
import gymnasium
import numpy as np

print(f"gymnasium {gymnasium.__version__}, numpy {np.__version__}")
single = np.array([gymnasium.make("CartPole-v1").reset(seed=seed)[0] for seed in (11, 12, 13)])
print("single environments, seeds 11, 12, 13\n", np.round(single, 4))
equal = {}
for mode in (None, "sync"):
    together = gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode=mode)
    starts = np.asarray(together.reset(seed=11)[0])
    equal[mode] = bool(np.allclose(single, starts))
    print(f"make_vec, vectorization_mode={mode}: {type(together.unwrapped).__name__}, seed 11\n", np.round(starts, 4))
if equal != {None: False, "sync": True}:
    raise SystemExit(f"this has changed: equal to single environments: {equal}")
print("as described: only sync starts where single environments do")
PY
"$folder/venv/bin/python" "$folder/show.py"
