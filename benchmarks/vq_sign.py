"""How well VQ-Sign's codes tell signs apart that nobody named to it, against k-means.

Trains the first stage of ``recipes/tiny/vq-sign.toml`` on a synthetic corpus, which knows the sign
at every moment, and looks at signers that are not in training::

    python benchmarks/vq_sign.py [--samples 600] [--epochs 15] [--threads 1] [--set KEY=VALUE]

It prints the perplexity of the codes (how many there are in use, as it were), their normalised
mutual information with the signs, and how often two moments of different signers have one code:
moments of the same sign, and of different signs. K-means has as many centres and clusters the
same steps: the encoder's output, trained and untrained, and the poses themselves.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from attrs import frozen
from scipy.cluster.vq import kmeans2, vq
from scipy.stats import entropy

from slp_core.batch import collate
from slp_core.dataset import SampleDataset
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import load_recipe
from slp_train.run import prepare
from slp_train.stage import run_stage

RECIPE = Path(__file__).parent.parent / "recipes/tiny/vq-sign.toml"


@frozen(eq=False)
class Moments:
    """Every step of every clip: ``n`` or ``n d``."""

    signs: np.ndarray  #: the gloss, "" between signs
    signers: np.ndarray
    poses: np.ndarray
    steps: np.ndarray  #: what the encoder gives
    codes: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("samples", 600), ("epochs", 15), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


def measure(options: argparse.Namespace, folder: Path) -> None:
    settings = [f"data.root={folder}/corpus", f"data.corpus.samples={options.samples}",
                f"stages.0.epochs={options.epochs}", *options.set]  # fmt: skip
    plan, pipeline, manifests = prepare(load_recipe(RECIPE, settings))
    data = {
        split: SampleDataset(rows, pipeline, training=split == "train")
        for split, rows in manifests.items()
    }
    for dataset in data.values():
        assert not dataset.probe()
    before = {split: look(pipeline, data[split]) for split in ("train", "test")}
    stage = plan.recipe.stages[0]
    result = run_stage(pipeline, plan, stage, data["train"], data["validation"], folder / "run")
    after = {split: look(pipeline, data[split]) for split in ("train", "test")}

    codes = pipeline.part("streams.pose.tokenizer").config.codes
    print(f"{result.steps} steps in {result.seconds:.0f} s, {codes} codes, "
          f"{len(after['test'].codes)} moments of unseen signers")  # fmt: skip
    print(f"{'':36}perplexity    NMI  same sign  other sign")
    tell("VQ-Sign", after["test"].codes, after["test"])
    shuffled = np.random.default_rng(0).permutation(after["test"].codes)
    tell("the same codes, shuffled", shuffled, after["test"])
    for name, seen, values in (
        ("k-means on its encoder's output", after, "steps"),
        ("k-means on the untrained encoder's", before, "steps"),
        ("k-means on the poses", after, "poses"),
    ):
        centres, _ = kmeans2(getattr(seen["train"], values), codes, minit="points", seed=0)
        tell(name, vq(getattr(seen["test"], values), centres)[0], seen["test"])


@torch.inference_mode()
def look(pipeline: Pipeline, dataset: SampleDataset) -> Moments:
    """What the pipeline makes of each step of each clip, and which sign it is in."""
    pipeline.eval()
    found: list[tuple] = []
    for number, row in enumerate(dataset.rows):
        batch = collate([dataset[number]])
        trace, poses = pipeline(batch), batch.signals["pose"]
        encoded = trace["streams.pose.encoder"]
        stride = round(float(poses.rate / encoded.rate))
        frames = torch.arange(encoded.values.shape[1]) * stride
        if (window := pipeline.part("streams.pose.encoder").config.window) is not None:
            frames = (frames + window // 2).clamp(max=int(poses.lengths) - 1)  # their middle
        times = 1000 * frames / poses.rate
        found.append((
            [sign_at(json.loads(row.get("spans")), float(time)) for time in times],
            [row.get("signer")] * len(times),
            poses.values[0, frames].numpy(),
            encoded.values[0].numpy(),
            trace["streams.pose.tokenizer"].codes[0].numpy(),
        ))  # fmt: skip
    return Moments(*map(np.concatenate, zip(*found, strict=True)))


def sign_at(spans: list[dict], time: float) -> str:
    signs = (s["label"] for s in spans if s["kind"] == "sign" and s["start"] <= time < s["end"])
    return next(signs, "")


def tell(name: str, codes: np.ndarray, moments: Moments) -> None:
    perplexity = np.exp(entropy(np.bincount(codes)))
    inside = moments.signs != ""
    codes, signs, signers = codes[inside], moments.signs[inside], moments.signers[inside]
    strangers = signers[:, None] != signers
    alike, same = codes[:, None] == codes, signs[:, None] == signs
    print(
        f"{name:36}{perplexity:10.1f} {nmi(codes, signs):6.3f} "
        f"{alike[strangers & same].mean():10.3f} {alike[strangers & ~same].mean():11.3f}",
        flush=True,
    )


def nmi(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Mutual information over the mean of the two entropies."""
    (_, ours), (_, theirs) = (np.unique(one, return_inverse=True) for one in (ours, theirs))
    joint = np.zeros((ours.max() + 1, theirs.max() + 1))
    np.add.at(joint, (ours, theirs), 1)
    each = entropy(joint.sum(1)) + entropy(joint.sum(0))
    return 2 * (each - entropy(joint.ravel())) / each


if __name__ == "__main__":
    main()
