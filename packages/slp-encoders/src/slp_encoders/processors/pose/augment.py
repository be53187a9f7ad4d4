"""Random variants of normalised points."""

from __future__ import annotations

import numpy as np

from slp_encoders.processors.pose.spec import AugmentConfig


def vary(
    points: np.ndarray,
    seen: np.ndarray,
    config: AugmentConfig,
    rng: np.random.Generator,
    mirror: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """A random variant of ``t p c`` points; those not seen (``t p``) are zero. The number is how
    many frames of the clip one of the variant stands for.

    ``mirror``: for each point, which one it shows in a mirror; None: no mirroring.
    """
    points, seen, pace = _time(points, seen, config, rng)
    if mirror is not None and rng.random() < 0.5:
        points, seen = points[:, mirror], seen[:, mirror]
        points = points * np.array([-1, 1, 1], np.float32)[: points.shape[-1]]
    points = points @ _geometry(points.shape[-1], config, rng)
    if config.shift:
        points = points + config.shift * rng.standard_normal(points.shape[-1], np.float32)
    if config.noise:
        still = rng.standard_normal(points.shape[1:], np.float32)
        points = points + config.noise * (still + rng.standard_normal(points.shape, np.float32) / 2)
    if config.drop:
        kept = rng.random(len(points)) >= config.drop
        if (seen & kept[:, None]).any():  # never all of them
            seen = seen & kept[:, None]
    return np.where(seen[..., None], points, 0).astype(np.float32), seen, pace


def _time(
    points: np.ndarray, seen: np.ndarray, config: AugmentConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """A window of the clip, slower or faster, and how many of its frames a step stands for.
    Between two frames a point is where a straight way leads, or where the nearer frame has it if
    only that one sees it."""
    if not config.crop and not config.speed:
        return points, seen, 1.0
    length = len(points) * (1 - config.crop * rng.random())
    start = rng.random() * (len(points) - length)
    steps = max(1, round(length / (1 + config.speed * rng.uniform(-1, 1))))
    times = np.clip(start + np.linspace(0, max(length - 1, 0), steps), 0, len(points) - 1)
    before = np.floor(times).astype(int)
    after = np.minimum(before + 1, len(points) - 1)
    share = (times - before).astype(np.float32)[:, None, None]
    nearest = np.where(times - before < 0.5, before, after)
    both = seen[before] & seen[after]
    between = points[before] * (1 - share) + points[after] * share
    if not seen[nearest].any():
        return points, seen, 1.0
    window = np.where(both[..., None], between, points[nearest])
    return window, seen[nearest], length / steps


def _geometry(axes: int, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """The matrix that turns, shears and scales rows of ``axes`` coordinates. It leaves depth in
    depth: trackers give z in another unit than x and y."""
    angle = np.radians(config.rotate) * rng.standard_normal()
    matrix = np.eye(3)
    matrix[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    matrix[1, 0] += config.shear * rng.standard_normal()
    sizes = config.scale * rng.standard_normal() + config.stretch * rng.standard_normal(3)
    return np.asarray(matrix * np.exp(sizes), np.float32)[:axes, :axes]
