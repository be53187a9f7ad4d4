"""Processors, encoders, tokenizers and corpora. Importing this imports nothing heavy."""

from __future__ import annotations

from slp_core.lazy import attributes

_HOME = {
    "ClipConfig": "encoders.clip.spec",
    "ClipEncoder": "encoders.clip.model",
    "EmbeddingConfig": "encoders.embedding.spec",
    "EmbeddingEncoder": "encoders.embedding.model",
    "FeaturesConfig": "processors.features.spec",
    "FeaturesReader": "processors.features.reader",
    "ImageConfig": "processors.image.spec",
    "ImageReader": "processors.image.reader",
    "PixelTextConfig": "processors.pixel_text.spec",
    "PixelTextReader": "processors.pixel_text.reader",
    "PoseConfig": "processors.pose.spec",
    "PoseReader": "processors.pose.reader",
    "ResNetConfig": "encoders.resnet.spec",
    "ResNetEncoder": "encoders.resnet.model",
    "ResNetScratch": "encoders.resnet.spec",
    "SignWritingConfig": "processors.signwriting.spec",
    "SignWritingReader": "processors.signwriting.reader",
    "TextConfig": "processors.text.spec",
    "TextReader": "processors.text.reader",
    "VideoConfig": "processors.video.spec",
    "VideoReader": "processors.video.reader",
    "synthesize": "synthetic",
}
__all__ = sorted(_HOME)
__getattr__ = attributes(__name__, _HOME)
