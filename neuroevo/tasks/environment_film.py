"""Filming an episode."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo.tasks.environment_play import controller_of

if TYPE_CHECKING:
    from neuroevo.tasks.environment import Environment


class _Camera:
    """An environment that keeps a picture of every few steps."""

    def __init__(self, environment: Any, every: int, width: int) -> None:
        self.environment, self.every, self.width = environment, every, width
        self.frames: list[Any] = []
        self._steps = 0

    def reset(self, **options: Any) -> Any:
        answer = self.environment.reset(**options)
        self._picture()
        return answer

    def step(self, action: Any) -> Any:
        answer = self.environment.step(action)
        self._steps += 1
        if self._steps % self.every == 0 or answer[2] or answer[3]:
            self._picture()
        return answer

    def _picture(self) -> None:
        from PIL import Image

        picture = Image.fromarray(self.environment.render())
        height = max(1, round(picture.height * self.width / picture.width))
        self.frames.append(picture.resize((self.width, height)))


@contextmanager
def _without_a_screen() -> Iterator[None]:
    """MuJoCo draws into a window unless it is told otherwise, which needs a display: where there is none, into memory."""
    told = sys.platform == "linux" and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"))
    if told:
        os.environ["MUJOCO_GL"] = "egl"
    try:
        yield
    finally:
        if told:
            del os.environ["MUJOCO_GL"]


def follow(environment: Any, options: Mapping[str, Any]) -> None:
    """Let MuJoCo's camera follow the robot, where its model has one that does and the options name none: gymnasium 1.4 takes one that stands still, and
    who walks leaves its picture."""
    renderer, model = (getattr(environment.unwrapped, name, None) for name in ("mujoco_renderer", "model"))
    if renderer is None or model is None or any(name in options for name in ("camera_id", "camera_name", "default_camera_config")):
        return
    names = [model.camera(number).name for number in range(model.ncam)]
    if "track" in names:
        renderer.camera_id = names.index("track")


def film(task: Environment, network: Any, path: Path, *, seed: int, every: int, width: int) -> float:
    """Play one episode and write it as an animated GIF; returns its reward.

    Raises:
        ValueError: the file's name does not end in .gif, or a setting is out of its range.
        RuntimeError: the environment cannot be drawn on this machine.
    """
    if path.suffix.lower() != ".gif":
        raise ValueError(f"an episode is filmed as an animated GIF: the file's name must end in .gif, got {path.name!r}")
    if every < 1 or width < 16:
        raise ValueError(f"every must be >= 1 and width >= 16 pixels, got {every} and {width}")
    environment = task.player.single({**task.options, "render_mode": "rgb_array"})
    with _without_a_screen():
        try:
            follow(environment, task.options)
            camera = _Camera(environment, every, width)
            try:
                camera.reset(seed=seed)
            except Exception as error:
                raise RuntimeError(
                    f"{task.id} cannot be drawn on this machine ({type(error).__name__}: {error}); MuJoCo's environments need OpenGL: set MUJOCO_GL to egl or "
                    "osmesa, whichever is installed"
                ) from error
            camera.frames.clear()
            reward, _ = task.player.episode(controller_of(network), seed, task.full_steps, camera)
            rate = float(environment.metadata.get("render_fps", 30))
        finally:
            environment.close()
    first, *others = camera.frames
    first.save(path, save_all=True, append_images=others, duration=max(20, round(1000.0 * every / rate)), loop=0)
    return reward
