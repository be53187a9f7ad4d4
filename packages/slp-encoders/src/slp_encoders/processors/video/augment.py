"""Random variants of clips: one draw a clip, for all its frames."""

from __future__ import annotations

import numpy as np

from slp_encoders.processors.video.spec import AugmentConfig


def vary(frames: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """A random variant of ``t c h w`` uint8 frames, all changed alike. What comes into view from
    outside is black."""
    import torch
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2 import functional as transforms

    clip = torch.from_numpy(frames)  # (t, c, h, w)
    size = clip.shape[-1]
    # Drawn whether used or not: a key never changes what another one draws.
    angle, zoom, light, contrast, *shift = rng.standard_normal(6)
    share, *corner, coin = rng.random(4)
    if config.rotate or config.scale or config.shift:
        clip = transforms.affine(
            clip,
            angle=config.rotate * angle,
            translate=[config.shift * size * way for way in shift],
            scale=float(np.exp(config.scale * zoom)),
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
    side = max(1, round(size * (1 - config.crop * share)))
    if side < size:
        top, left = (int(place * (size - side + 1)) for place in corner)
        clip = transforms.resized_crop(clip, top, left, side, side, [size, size])
    if config.mirror and coin < 0.5:
        clip = transforms.horizontal_flip(clip)
    if config.brightness:
        clip = transforms.adjust_brightness(clip, float(np.exp(config.brightness * light)))
    if config.contrast:
        clip = transforms.adjust_contrast(clip, float(np.exp(config.contrast * contrast)))
    return clip.contiguous().numpy()
