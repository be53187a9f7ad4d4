"""Processors, encoders, tokenizers and corpora. Importing this imports nothing heavy."""

from __future__ import annotations

from slp_core.lazy import attributes

_HOME = {
    "ClipConfig": "encoders.clip.spec",
    "ClipEncoder": "encoders.clip.model",
    "ContextPrediction": "objectives.context_prediction.model",
    "ContextPredictionConfig": "objectives.context_prediction.spec",
    "DinoV2Config": "encoders.dinov2.spec",
    "DinoV2Encoder": "encoders.dinov2.model",
    "EmbeddingConfig": "encoders.embedding.spec",
    "EmbeddingEncoder": "encoders.embedding.model",
    "FeatureCache": "extraction.store",
    "FeaturesConfig": "processors.features.spec",
    "FeaturesReader": "processors.features.reader",
    "HandshapeConfig": "encoders.handshape.spec",
    "HandshapeEncoder": "encoders.handshape.model",
    "I3DConfig": "encoders.i3d.spec",
    "I3DEncoder": "encoders.i3d.model",
    "ImageConfig": "processors.image.spec",
    "ImageReader": "processors.image.reader",
    "MediaPipeConfig": "processors.mediapipe.spec",
    "MediaPipeReader": "processors.mediapipe.reader",
    "PixelTextConfig": "processors.pixel_text.spec",
    "PixelTextReader": "processors.pixel_text.reader",
    "PoseConfig": "processors.pose.spec",
    "PoseReader": "processors.pose.reader",
    "PoseTransformerConfig": "encoders.pose_transformer.spec",
    "PoseTransformerEncoder": "encoders.pose_transformer.model",
    "ResNetClipConfig": "encoders.resnet_clip.spec",
    "ResNetClipEncoder": "encoders.resnet_clip.model",
    "ResNetConfig": "encoders.resnet.spec",
    "ResNetEncoder": "encoders.resnet.model",
    "ResNetScratch": "encoders.resnet.spec",
    "SiglipConfig": "encoders.siglip.spec",
    "SiglipEncoder": "encoders.siglip.model",
    "SignWritingConfig": "processors.signwriting.spec",
    "SignWritingReader": "processors.signwriting.reader",
    "TextConfig": "processors.text.spec",
    "TextReader": "processors.text.reader",
    "VQSign": "tokenizers.vq_sign.model",
    "VQSignConfig": "tokenizers.vq_sign.spec",
    "VideoConfig": "processors.video.spec",
    "VideoMAEConfig": "encoders.videomae.spec",
    "VideoMAEEncoder": "encoders.videomae.model",
    "VideoReader": "processors.video.reader",
    "extract": "extraction.extractor",
    "synthesize": "synthetic",
}
__all__ = sorted(_HOME)
__getattr__ = attributes(__name__, _HOME)
