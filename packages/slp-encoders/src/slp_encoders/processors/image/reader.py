"""One picture, upright, in RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_encoders.processors.clips import reading
from slp_encoders.processors.image.spec import ImageConfig
from slp_encoders.processors.video.augment import vary

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
MOST_PIXELS = 2**26  #: 200 MB as RGB


class ImageReader(Processor):
    """A picture to ``1 c h w`` uint8: the shorter side scaled to ``size``, the centre kept.

    Its EXIF orientation is honoured; what is transparent becomes white.
    """

    config: ImageConfig

    def read(self, clip: Clip) -> Signal:
        if clip.start > 0 or clip.end is not None:
            raise SignalError(f"{clip.source}: a picture has no time, the row has a span")
        # Pillow's decoders raise whatever broken bytes make them stumble over.
        with reading(clip.source, Exception) as path:
            try:
                picture = self._decode(path)
            except UnidentifiedImageError:
                known = ", ".join(FORMATS)
                raise SignalError(f"{path}: no picture of a known format ({known})") from None
        values = np.asarray(picture).transpose(2, 0, 1)[None]  # (1, c, h, w)
        return Signal(np.ascontiguousarray(values), float("nan"))

    def augment(self, signal: Signal, rng: np.random.Generator) -> Signal:
        if self.config.augment is None:
            return signal
        return Signal(vary(signal.values, self.config.augment, rng), signal.rate)

    def _decode(self, path: Path) -> Image.Image:
        size = (self.config.size, self.config.size)
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise SignalError(f"{path}: {width} x {height} pixels are too many")
            if image.mode not in MODES:
                raise SignalError(f"{path}: pixels of mode {image.mode}, 8 bits a channel expected")
            pictures = getattr(image, "n_frames", 1)
            if pictures > 1 and image.format != "MPO":  # MPO: one photo and its previews
                raise SignalError(f"{path}: holds {pictures} pictures, one expected")
            image.draft("RGB", (2 * size[0], 2 * size[1]))  # JPEG: decoded at a lower scale
            upright = ImageOps.exif_transpose(image)
            if upright.has_transparency_data:
                clear = upright.convert("RGBA")
                upright = Image.new("RGBA", clear.size, "white")
                upright.alpha_composite(clear)
            return ImageOps.fit(upright.convert("RGB"), size, Image.Resampling.BICUBIC)
