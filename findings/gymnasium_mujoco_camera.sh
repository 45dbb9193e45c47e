#!/usr/bin/env bash
# gymnasium 1.4.0, HalfCheetah-v5: pictures are taken by a camera that stands still, although the model has one that follows and the
# environment's history says that pictures come from it; the robot runs out of them.
#
# In words: without camera_id and camera_name the renderer looks for the model's camera "track", finds it, and then sets its number to -1, the free
# camera, so that `default_camera_config` takes effect. HalfCheetah's configuration has a distance and no body to track, so that camera stays where it
# began. With camera_name="track" the model's camera is used, which moves along. Sources: gymnasium/envs/mujoco/mujoco_rendering.py,
# `MujocoRenderer.__init__`; half_cheetah_v5.py, `DEFAULT_CAMERA_CONFIG` and the notes on v3.
#
# Seen with gymnasium 1.4.0, mujoco 4.0.0 (nothing is drawn here: the cameras are asked where they are):
#     HalfCheetah-v5: cameras ['track'], used -1, config {'distance': 4.0}; 5 m further the model's camera has moved by 5.0 m
#     HalfCheetah-v5 with camera_name="track": used 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "gymnasium[mujoco]==1.4.0" "mujoco==4.0.0"
cat > "$folder/show.py" <<'PY'
import gymnasium
import mujoco

print(f"gymnasium {gymnasium.__version__}, mujoco {mujoco.__version__}")
for name in ("HalfCheetah-v5",):
    made = gymnasium.make(name, render_mode="rgb_array").unwrapped
    made.reset(seed=0)
    model, data, renderer = made.model, made.data, made.mujoco_renderer
    cameras = [model.camera(number).name for number in range(model.ncam)]
    before = data.cam_xpos[0].copy()
    data.qpos[0] += 5.0
    mujoco.mj_forward(model, data)
    moved = float(data.cam_xpos[0][0] - before[0])
    print(f"{name}: cameras {cameras}, used {renderer.camera_id}, config {renderer.default_cam_config}; 5 m further the model's camera has moved by {moved:.1f} m")
    if renderer.camera_id != -1 or renderer.default_cam_config != {"distance": 4.0} or "track" not in cameras or abs(moved - 5.0) > 0.1:
        raise SystemExit("this has changed")
    followed = gymnasium.make(name, render_mode="rgb_array", camera_name="track").unwrapped.mujoco_renderer.camera_id
    print(f'{name} with camera_name="track": used {followed}')
    if followed != cameras.index("track"):
        raise SystemExit("this has changed")
PY
cd "$folder" && "$folder/venv/bin/python" "$folder/show.py" 2>/dev/null
