"""Extraction against the bare network, and against the script one writes without a library.

For randomly initialised networks of the usual sizes, three ways in turn over the same clips, in
one process and in one precision:

- bare: the forward pass of the network of Hugging Face transformers (of the I3D itself), on
  batches of the size that extraction uses, of normalised floats that lie in memory; S2's tiles
  are cut. This is the ceiling.
- extraction, into an empty cache. What is done once and not for each clip, hashing the weights,
  is not counted.
- script: OpenCV reads a frame (PyAV where OpenCV is not installed), PIL, the checkpoint's own
  processor, a batch of one, ``np.save``. Networks that see windows are given them one at a time.

Ratios are medians over the rounds, with the least and the largest. In a lower precision the script
also runs in float32, as it is mostly written, and the cosine of the features to those in float32 is
told. Then the peak memory of a clip of one minute
and of thirty, through a network of pictures and one of windows, which are tiny so that they hide
nothing; each in a process of its own::

    uv run --isolated --group benchmarks python benchmarks/extraction.py [--precision bfloat16]
        [--threads 2] [--rounds 3] [--only dinov2-s] [--only memory] [--device cuda] [--films 8]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import torch.nn.functional as F
from attrs import define, field
from films import repeat_film, write_film
from networks import BUILDERS, Network, side
from PIL import Image
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from torch import Tensor
from transformers.utils.logging import disable_progress_bar

import slp_encoders
from slp_core.signals import Clip
from slp_encoders.extraction.extractor import Extractor, Wanted
from slp_encoders.extraction.store import FeatureCache

try:
    import cv2
except ImportError:
    cv2 = None

#: Frames of each clip: the windows of the first fill a batch, those of all of them several.
LENGTHS = {
    "dinov2-s": (32, 59, 37),
    "clip-b-s2": (8, 17, 7),
    "videomae-b": (23, 31, 16),
    "i3d": (40, 72, 39),
}
LIBRARIES = ("torch", "torchvision", "transformers", "av", "pillow", "numpy")
AHEAD = 4  #: batches in memory for the bare network, which sees them again and again


@define
class Times:
    """Seconds of each round, on the clock and of the processor."""

    wall: list[float] = field(factory=list)
    cpu: list[float] = field(factory=list)


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    disable_progress_bar()
    console = Console(width=180, highlight=False)
    console.print(describe_machine(options))
    networks = [name for name in options.only or LENGTHS if name != "memory"]
    table = speed_table(options.precision)
    with tempfile.TemporaryDirectory() as name:
        for network in networks:
            console.print(f"measuring {network}")
            table.add_row(network, *measure(network, Path(name) / network, options))
        memory = not options.only or "memory" in options.only
        peaks = memory_table(Path(name), options) if memory else None
    if networks:
        console.print(table)
    if peaks is not None:
        console.print(peaks)
    console.print(f"load at the end: {os.getloadavg()[0]:.1f}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="tiny networks and clips, to try it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--films", type=int, default=1, help="so many times as many clips")
    parser.add_argument(
        "--precision", default="float32", choices=["float32", "bfloat16", "float16"]
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", action="append", choices=[*LENGTHS, "memory"])
    return parser.parse_args()


def describe_machine(options: argparse.Namespace) -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    cpu = found[1] if found else platform.processor()
    device = torch.cuda.get_device_name() if options.device.startswith("cuda") else cpu
    libraries = [f"{name} {version(name)}" for name in LIBRARIES]
    libraries += [f"opencv {cv2.__version__}" if cv2 else "no opencv"]
    return (
        f"{device}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {options.threads} "
        f"threads, {options.precision}, {options.rounds} rounds\n"
        f"python {platform.python_version()}, {', '.join(libraries)}"
    )


# -- throughput ------------------------------------------------------------------------------


def speed_table(precision: str) -> Table:
    table = Table(title="Frames a second, and ratios: median (least-largest)", box=SIMPLE)
    table.add_column("network", no_wrap=True)
    columns = ["frames", "bare", "extraction", "script", "extraction\n/ bare",
               "CPU time\n/ bare's", "extraction\n/ script"]  # fmt: skip
    if precision != "float32":
        columns += ["script in\nfloat32", "extraction\n/ it", "cosine\nmean", "\nleast"]
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def measure(name: str, folder: Path, options: argparse.Namespace) -> list[str]:
    """A row of the table."""
    size = side(options.small)
    network = BUILDERS[name](folder, size, options.small, options.device)
    reader = slp_encoders.VideoReader(slp_encoders.VideoConfig(size=size))
    lengths = LENGTHS[name] * options.films
    films = [
        write_film(folder / f"{number}.mp4", length, options.small, seed=number)
        for number, length in enumerate(lengths)
    ]
    steps = sum(sum(1 for _ in network.windows(torch.empty(length, 1))) for length in lengths)
    count, left = divmod(steps, network.encoder.config.batch)
    assert not left, f"{name}: {left} windows are left"
    batches = preloaded(network, reader, films)
    cosine = check(network, reader, films[0], batches[0], options.precision)
    cache = FeatureCache(folder / "features")
    extractor = Extractor(cache, reader, {"": network.encoder}, options.precision)
    ways: dict[str, Callable[[], None]] = {
        "bare": lambda: run_bare(network, islice(cycle(batches), count), options),
        "extraction": lambda: run_extraction(extractor, films),
        "script": lambda: run_script(network, films, folder, options, options.precision),
    }
    if options.precision != "float32":
        ways["plain"] = lambda: run_script(network, films, folder, options, "float32")
    times = {way: Times() for way in ways}
    for number in range(options.rounds):
        for way in list(ways)[:: -1 if number % 2 else 1]:
            wall, cpu = time.perf_counter(), time.process_time()
            ways[way]()
            times[way].wall.append(time.perf_counter() - wall)
            times[way].cpu.append(time.process_time() - cpu)
    bare, extraction, script = (times[way] for way in ("bare", "extraction", "script"))
    frames = sum(lengths)
    row = [
        str(frames),
        *(rate(frames, one) for one in (bare, extraction, script)),
        spread(bare.wall, extraction.wall),
        spread(extraction.cpu, bare.cpu),
        spread(script.wall, extraction.wall),
    ]
    if cosine is not None:
        plain = times["plain"]
        row += [rate(frames, plain), spread(plain.wall, extraction.wall)]
        row += [f"{cosine.mean():.5f}", f"{cosine.min():.5f}"]
    return row


def rate(frames: int, times: Times) -> str:
    return f"{frames / statistics.median(times.wall):.1f}"


def spread(above: list[float], below: list[float]) -> str:
    ratios = [one / other for one, other in zip(above, below, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def preloaded(network: Network, reader: Any, films: list[Path]) -> list[list[Tensor]]:
    """The views of the first batches, as extraction sees them: in memory the colours come last,
    on which convolutions are no slower and in bfloat16 nearly twice as fast."""
    device = next(network.encoder.parameters()).device
    frames = (torch.from_numpy(reader.read(Clip(str(film))).values) for film in films)
    windows = (one for some in frames for one in network.windows(some))
    size = network.encoder.config.batch
    batches = []
    while len(batches) < AHEAD and (some := list(islice(windows, size))):
        pictures = torch.stack(some).movedim(-3, -1).contiguous().movedim(-1, -3)
        batches.append(network.views(network.normalised(pictures.to(device))))
    return batches


@torch.inference_mode()
def check(
    network: Network, reader: Any, film: Path, batch: list[Tensor], precision: Any
) -> Tensor | None:
    """That the bare network gives the features that are extracted; their cosine to float32."""
    wanted = dict.fromkeys([precision, "float32"])
    features = {one: features_of(network, reader, film, one) for one in wanted}
    with autocast(batch[0].device.type, precision):
        alone = network.bare(*batch).float().cpu()
    both = min(len(alone), len(features[precision]))
    same = F.cosine_similarity(alone[:both], features[precision][:both])
    assert same.min() > 0.999, f"the bare network does other work: {same}"
    if precision == "float32":
        return None
    return F.cosine_similarity(features[precision], features["float32"])


def features_of(network: Network, reader: Any, film: Path, precision: Any) -> Tensor:
    with tempfile.TemporaryDirectory() as cache:
        found = network.encoder.extract(
            [film], reader, precision=precision, folder=cache, progress=lambda *_: None
        )
        return next(found)[1].float()


@torch.inference_mode()
def run_bare(
    network: Network, batches: Iterator[list[Tensor]], options: argparse.Namespace
) -> None:
    for views in batches:
        with autocast(options.device, options.precision):
            network.bare(*views)
    if options.device.startswith("cuda"):
        torch.cuda.synchronize()


def run_extraction(extractor: Extractor, films: list[Path]) -> None:
    with tempfile.TemporaryDirectory() as cache:
        extractor.store = FeatureCache(cache)
        clips = [Clip(str(film)) for film in films]
        extractor.run([Wanted(clip, [], extractor.keys(clip)) for clip in clips])
        extractor.store.pack()
        assert not extractor.bad


@torch.inference_mode()
def run_script(
    network: Network,
    films: list[Path],
    folder: Path,
    options: argparse.Namespace,
    precision: str,
) -> None:
    """Frame by frame; a clip is preprocessed as a whole where the network sees windows."""
    for film in films:
        pictures = pictures_of(film)
        if network.window == 1:
            seen = (network.processor([picture])[0] for picture in pictures)
        else:
            seen = network.windows(network.processor(list(pictures)))
        rows = []
        for one in seen:
            with autocast(options.device, precision):
                vector = network.bare(*network.views(one[None].to(options.device)))
            rows.append(vector[0].float().cpu().numpy())
        np.save(folder / f"{film.stem}.npy", np.stack(rows))


def pictures_of(film: Path) -> Iterator[Image.Image]:
    if cv2 is None:
        with av.open(str(film)) as container:
            for frame in container.decode(video=0):
                yield frame.to_image()
        return
    capture = cv2.VideoCapture(str(film))
    while (read := capture.read())[0]:
        yield Image.fromarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))


def autocast(device: str, precision: str) -> Any:
    if precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, getattr(torch, precision))


# -- memory ----------------------------------------------------------------------------------


def memory_table(folder: Path, options: argparse.Namespace) -> Table:
    """Peak memory of a process that extracts one clip."""
    table = Table(title="Peak memory, MiB", box=SIMPLE)
    for column in ("frames", "of the process", "above that before the clip"):
        table.add_column(column, justify="right")
    piece = write_film(folder / "piece.mp4", 50, options.small)
    minute = 2 if options.small else 30
    context = multiprocessing.get_context("spawn")
    peaks = []
    for times in (minute, 30 * minute):
        film = repeat_film(piece, times, folder / f"piece{times}.mp4")
        ours, theirs = context.Pipe()
        process = context.Process(target=extract_alone, args=(film, options, theirs))
        process.start()
        before, peak = ours.recv()
        process.join()
        peaks.append(peak)
        table.add_row(str(50 * times), f"{peak:.0f}", f"{peak - before:.0f}")
    table.caption = f"the longer clip: {peaks[1] / peaks[0]:.3f} times as much"
    return table


def extract_alone(film: Path, options: argparse.Namespace, told: Any) -> None:
    torch.set_num_threads(options.threads)
    disable_progress_bar()
    size = side(options.small)
    reader = slp_encoders.VideoReader(slp_encoders.VideoConfig(size=size))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encoders = {
            name: BUILDERS[name](folder / name, size, True, "cpu").encoder
            for name in ("dinov2-s", "videomae-b")
        }
        extractor = Extractor(FeatureCache(folder / "features"), reader, encoders)
        before = memory("VmRSS")
        run_extraction(extractor, [film])
        told.send((before, memory("VmHWM")))


def memory(kind: str) -> float:
    """MiB of this process; what ``getrusage`` tells begins with the parent's peak."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{kind}:\s+(\d+)", status)[1]) / 1024


if __name__ == "__main__":
    main()
