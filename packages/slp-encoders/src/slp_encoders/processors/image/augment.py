"""Random variants of pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from slp_encoders.processors.image.spec import AugmentConfig


def vary(pictures: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """A random variant of ``t c h w`` uint8 pictures, all changed alike.

    What comes into view from outside repeats the nearest edge.
    """
    height, width = pictures.shape[2:]
    border = max(height, width)
    affine = _way_back(width, height, border, config, rng)
    gain = np.exp(config.brightness * rng.standard_normal())
    spread = np.exp(config.contrast * rng.standard_normal())
    edges = ((0, 0), (border, border), (border, border), (0, 0))
    wide = np.pad(pictures.transpose(0, 2, 3, 1), edges, mode="edge")  # (t, h, w, c)
    moved = np.stack([_moved(one, (width, height), affine) for one in wide])
    mean = moved.mean()
    lit = gain * (spread * (moved - mean) + mean)
    return lit.round().clip(0, 255).astype(np.uint8).transpose(0, 3, 1, 2)


def _moved(picture: np.ndarray, size: tuple[int, int], affine: tuple[float, ...]) -> np.ndarray:
    """``h w c`` to the ``h w c`` of that size which the map finds in it."""
    way, sampling = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(picture).transform(size, way, affine, sampling))


def _way_back(
    width: int, height: int, border: int, config: AugmentConfig, rng: np.random.Generator
) -> tuple[float, ...]:
    """The affine map, as Pillow wants it, from a place in the variant to one in the bordered
    picture: two rows of ``x y 1``."""
    angle = np.radians(config.rotate) * rng.standard_normal()
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix *= np.exp(-config.scale * rng.standard_normal())
    shift = config.shift * rng.standard_normal(2) * (width, height)
    if config.mirror and rng.random() < 0.5:
        matrix[:, 0] *= -1
    centre = np.array([width, height]) / 2
    offset = centre + border - matrix @ (centre + shift)
    return (*matrix[0], offset[0], *matrix[1], offset[1])
