"""Filming an episode."""

from __future__ import annotations

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


def film(task: Environment, network: Any, path: Path, *, seed: int, every: int, width: int) -> float:
    """Play one episode and write it as an animated GIF; returns its reward.

    Raises:
        ValueError: the file's name does not end in .gif, or a setting is out of its range.
    """
    if path.suffix.lower() != ".gif":
        raise ValueError(f"an episode is filmed as an animated GIF: the file's name must end in .gif, got {path.name!r}")
    if every < 1 or width < 16:
        raise ValueError(f"every must be >= 1 and width >= 16 pixels, got {every} and {width}")
    environment = task.player.single({**task.options, "render_mode": "rgb_array"})
    try:
        camera = _Camera(environment, every, width)
        reward, _ = task.player.episode(controller_of(network), seed, task.full_steps, camera)
        rate = float(environment.metadata.get("render_fps", 30))
    finally:
        environment.close()
    first, *others = camera.frames
    first.save(path, save_all=True, append_images=others, duration=max(20, round(1000.0 * every / rate)), loop=0)
    return reward
