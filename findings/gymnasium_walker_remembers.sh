#!/usr/bin/env bash
# gymnasium 1.4.0, BipedalWalker-v3: with the same seed and the same actions an episode gives other rewards, depending on which episodes the same
# environment object played before. LunarLander-v3, of the same family, does not.
#
# In words: reset(seed=...) rebuilds terrain and robot with the same random numbers, but into the one Box2D world that the constructor made, and what a
# solver works out differs with what that world has held before. LunarLander makes a new world in every reset, with a note that destroying the bodies was
# not enough; BipedalWalker does not. Who compares policies on equal episodes, or wants results that do not depend on how episodes are spread over
# processes, makes a new environment for each. Sources: gymnasium/envs/box2d/bipedal_walker.py, `__init__` and `reset`; lunar_lander.py, `reset`; the
# report on LunarLander is Farama-Foundation/Gymnasium issue 728.
#
# Seen with gymnasium 1.4.0, box2d 2.3.10:
#     BipedalWalker-v3: 10 of 12 episodes differ from those of new environments, by up to 0.1004
#     LunarLander-v3: 0 of 12 episodes differ from those of new environments, by up to 0.0000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "gymnasium==1.4.0" "box2d==2.3.10" "pygame>=2.1.3" "swig==4.*"
cat > "$folder/show.py" <<'PY'
from importlib.metadata import version

import gymnasium
import numpy as np

print(f"gymnasium {gymnasium.__version__}, box2d {version('box2d')}")


def episode(environment, seed):
    environment.reset(seed=seed)
    still = np.zeros(4, np.float32) if environment.action_space.shape else 0
    total, over = 0.0, False
    for _ in range(500):
        _, reward, terminated, truncated, _ = environment.step(still)
        total += float(reward)
        if terminated or truncated:
            break
    return total


for name, differ in (("BipedalWalker-v3", True), ("LunarLander-v3", False)):
    one = gymnasium.make(name)
    shared = np.array([episode(one, seed) for seed in range(12)])
    alone = np.array([episode(gymnasium.make(name), seed) for seed in range(12)])
    gap = np.abs(shared - alone)
    print(f"{name}: {np.count_nonzero(gap)} of 12 episodes differ from those of new environments, by up to {gap.max():.4f}")
    if bool(gap.max() > 1e-3) != differ:
        print("this has changed")
        raise SystemExit(1)
PY
cd "$folder" && "$folder/venv/bin/python" -W ignore "$folder/show.py"
