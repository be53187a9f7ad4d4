"""Extraction against the bare network, and against the script one writes without a library.

Three ways in turn over the same clips, in one process, for randomly initialised networks: the
network's forward pass on preprocessed frames in memory (the ceiling), extraction into an empty
cache, and a loop that reads a frame, makes a PIL image of it, preprocesses it, encodes it by
itself and ends with ``np.save`` (OpenCV reads if it is installed, else PyAV). Windowed networks
are given windows, one at a time in the loop. Then the peak memory of a short and of a long clip,
each in a process of its own::

    python benchmarks/extraction.py [--small] [--threads 2] [--rounds 3] [--precision float32]
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    Dinov2Config,
    Dinov2Model,
    VideoMAEConfig,
    VideoMAEModel,
    ViTImageProcessor,
)

import slp_encoders
from slp_core.parts import Encoder
from slp_core.sequence import Sequence
from slp_core.signals import Clip
from slp_encoders.encoders.windows import window_starts
from slp_encoders.extraction.extractor import Extractor, Wanted
from slp_encoders.extraction.store import FeatureCache

NAMES = ("dinov2-s", "clip-b-s2", "videomae-b")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="tiny networks and films")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = write_films(folder, options.small)
        for network in NAMES:
            measure(network, films, folder, options)
        report_memory(folder, options)


def measure(name: str, films: list[Path], folder: Path, options: argparse.Namespace) -> None:
    """Frames a second of the three ways, as medians of the rounds."""
    encoder = build(name, folder, options.small)
    reader = slp_encoders.VideoReader(slp_encoders.VideoConfig(size=side(options.small)))
    batches = list(preloaded(encoder, reader, films))
    frames = sum(sum(1 for _ in reader.frames(Clip(str(film)))) for film in films)
    ways: dict[str, Callable[[], None]] = {
        "network": lambda: run_network(encoder, batches, options.precision),
        "extraction": lambda: run_extraction(encoder, reader, films, options.precision),
        "script": lambda: run_script(encoder, films, folder, options),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way, run in ways.items():
            began = time.perf_counter()
            run()
            times[way].append(time.perf_counter() - began)
    speed = {way: frames / statistics.median(all_) for way, all_ in times.items()}
    said = ", ".join(f"{way} {one:.1f}" for way, one in speed.items())
    ceiling, loop = (speed["extraction"] / speed[way] for way in ("network", "script"))
    print(f"{name}: frames a second: {said}")
    print(f"  extraction is {ceiling:.2f} of the network, {loop:.1f} times the script")


def preloaded(encoder: Encoder, reader: Any, films: list[Path]) -> Iterator[torch.Tensor]:
    """What extraction gives the network, ``n w c h w``, batch by batch, without its decoding."""
    field: Any = encoder.receptive_field
    pieces = []
    for film in films:
        frames = torch.from_numpy(reader.read(Clip(str(film))).values)
        for start in window_starts(len(frames), field.window, field.stride, field.tail):
            places = (start + torch.arange(field.window)).clamp(max=len(frames) - 1)
            pieces.append(frames[places])
            if len(pieces) == encoder.config.batch:
                yield torch.stack(pieces)
                pieces = []
    if pieces:
        yield torch.stack(pieces)


@torch.inference_mode()
def run_network(encoder: Encoder, batches: list[torch.Tensor], precision: str) -> None:
    for batch in batches:
        mask = torch.ones(batch.shape[:2], dtype=torch.bool)
        with autocast(precision):
            encoder(Sequence(batch, mask, torch.full((len(batch),), 25.0)))


def run_extraction(encoder: Encoder, reader: Any, films: list[Path], precision: Any) -> None:
    with tempfile.TemporaryDirectory() as cache:
        extractor = Extractor(FeatureCache(cache), reader, {"": encoder}, precision)
        clips = [Clip(str(film)) for film in films]
        extractor.run([Wanted(clip, [], extractor.keys(clip)) for clip in clips])
        assert not extractor.bad and extractor.encoded == len(films)


@torch.inference_mode()
def run_script(
    encoder: Encoder, films: list[Path], folder: Path, options: argparse.Namespace
) -> None:
    """Frame by frame through PIL, a batch of one, ``np.save``."""
    field: Any = encoder.receptive_field
    size = side(options.small)
    for film in films:
        images = [preprocess(picture, size) for picture in pictures_of(film)]
        rows = []
        for start in window_starts(len(images), field.window, field.stride, field.tail):
            window = torch.stack(images[start : start + field.window])
            window = torch.cat([window, window[-1:].expand(field.window - len(window), -1, -1, -1)])
            mask = torch.ones(1, field.window, dtype=torch.bool)
            with autocast(options.precision):
                seen = encoder(Sequence(window[None], mask, torch.tensor([25.0])))
            rows.append(seen.values[0, 0].float().numpy())
        np.save(folder / "script.npy", np.stack(rows))


def pictures_of(film: Path) -> Iterator[Image.Image]:
    try:
        import cv2
    except ImportError:
        with av.open(str(film)) as container:
            for frame in container.decode(video=0):
                yield frame.to_image()
        return
    capture = cv2.VideoCapture(str(film))
    while (read := capture.read())[0]:
        yield Image.fromarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))


def preprocess(picture: Image.Image, size: int) -> torch.Tensor:
    """Shorter side scaled, the centre cut out: ``c h w`` bytes."""
    short = min(picture.size)
    width, height = (round(one * size / short) for one in picture.size)
    left, top = (width - size) // 2, (height - size) // 2
    scaled = picture.resize((width, height), Image.Resampling.BICUBIC)
    values = np.asarray(scaled.crop((left, top, left + size, top + size)))
    return torch.from_numpy(values.transpose(2, 0, 1).copy())


def autocast(precision: str) -> Any:
    if precision == "float32":
        return nullcontext()
    return torch.autocast("cpu", getattr(torch, precision))


def side(small: bool) -> int:
    return 32 if small else 224


def build(name: str, folder: Path, small: bool) -> Encoder:
    """A randomly initialised network, opened as a checkpoint is."""
    torch.manual_seed(0)
    base: dict[str, Any] = {"image_size": side(small)}
    if small:
        base |= {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        base |= {"patch_size": 16} | ({} if name == "dinov2-s" else {"intermediate_size": 32})
    model: Any
    config: Any
    if name == "dinov2-s":
        sizes = {"hidden_size": 384, "num_attention_heads": 6, "patch_size": 14}
        model = Dinov2Model(Dinov2Config(**{**sizes, **base}))
        config = slp_encoders.DinoV2Config(str(folder / name), batch=32)
        kind: Any = slp_encoders.DinoV2Encoder
    elif name == "clip-b-s2":
        model = CLIPVisionModel(CLIPVisionConfig(**{"patch_size": 16, **base}))
        config = slp_encoders.ClipConfig(str(folder / name), output="last", scales=[1, 2], batch=32)
        kind = slp_encoders.ClipEncoder
    else:
        model = VideoMAEModel(VideoMAEConfig(**base))
        config = slp_encoders.VideoMAEConfig(str(folder / name), batch=2)
        kind = slp_encoders.VideoMAEEncoder
    model.save_pretrained(folder / name)
    ViTImageProcessor().save_pretrained(folder / name)
    return kind(config).eval()


def write_films(folder: Path, small: bool) -> list[Path]:
    """Moving noise of different lengths, at 720p or small."""
    lengths = (40, 23, 57) if small else (100, 61, 150, 89)
    return [write_film(folder / f"{n}.mp4", length, small) for n, length in enumerate(lengths)]


def write_film(path: Path, frames: int, small: bool) -> Path:
    height, width = (96, 128) if small else (720, 1280)
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((width, height)))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, 4 * number, 1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def report_memory(folder: Path, options: argparse.Namespace) -> None:
    """Peak memory of a process that extracts one clip: one and thirty minutes long."""
    minute = 50 if options.small else 1500
    peaks = []
    for frames in (minute, 30 * minute):
        film = write_film(folder / f"long{frames}.mp4", frames, options.small)
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        process = context.Process(
            target=_peak, args=(film, folder, options.small, options.threads, queue)
        )
        process.start()
        peaks.append(queue.get())
        process.join()
    short, long = peaks
    print(f"memory: {short:.0f} MiB for {minute} frames, {long:.0f} MiB for {30 * minute}, "
          f"{long / short:.3f} times as much")  # fmt: skip


def _peak(film: Path, folder: Path, small: bool, threads: int, queue: Any) -> None:
    torch.set_num_threads(threads)
    encoder = build("dinov2-s", folder, small)
    reader = slp_encoders.VideoReader(slp_encoders.VideoConfig(size=side(small)))
    run_extraction(encoder, reader, [film], "float32")
    queue.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
