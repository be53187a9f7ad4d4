"""What noise in training is worth to a translator that reads glosses which may be wrong.

SignBind-LLM's language model learns from glosses without errors and reads those of an expert that
makes some; the paper says that this does no harm, and does not test it. Trains
``recipes/phoenix-gloss2text.toml`` on clean glosses and on glosses with errors drawn anew in every
epoch, and scores both on the development split with so many of its glosses dropped, replaced by
another or followed by another (a third each; the same errors for both)::

    python benchmarks/gloss_noise.py --data FOLDER [--noise 0.2] [--errors 0 0.1 0.2 0.4]
                                     [--epochs 40] [--seeds 1] [--folder gloss-noise]

FOLDER holds ``train.tsv`` and ``validation.tsv`` of PHOENIX-2014T, as ``slp data import`` writes
them. Finished runs are not trained again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from slp_core.manifest import Manifest, read_manifest, write_manifest
from slp_core.recipe_file import load_recipe
from slp_train.run import evaluate_run, train

RECIPE = Path(__file__).parent.parent / "recipes/phoenix-gloss2text.toml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--train", default="train.tsv", help="manifest, below --data")
    parser.add_argument("--validation", default="validation.tsv", help="manifest, below --data")
    parser.add_argument("--noise", type=float, default=0.2)
    parser.add_argument("--errors", type=float, nargs="+", default=[0, 0.1, 0.2, 0.4])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("gloss-noise"))
    options = parser.parse_args()
    splits = {one: (options.data / getattr(options, one)).resolve() for one in SPLITS}
    words = sorted({word for text in read_manifest(splits["train"]).column("gloss")
                    for word in text.split()})  # fmt: skip
    table = Table("trained on", "seed", *(f"{share:.0%}" for share in options.errors),
                  title="BLEU-4 by the share of wrong glosses")  # fmt: skip
    for seed in range(options.seeds):
        for name, noise in (("clean glosses", 0.0), (f"{options.noise:.0%} noise", options.noise)):
            run = options.folder / f"noise-{noise:g}-{seed}"
            learn(run, splits, noise, options.epochs, seed)
            cells = []
            for share in options.errors:
                file = options.folder / f"validation-{share:g}.tsv"
                corrupt(read_manifest(splits["validation"]), share, words, file)
                settings = [f'data.validation="{file.resolve()}"', "evaluation.controls=false"]
                scored = evaluate_run(run, "validation", settings)
                assert scored is not None
                cells.append(f"{scored.whole.scores['BLEU-4'].value:.1f}")
            table.add_row(name, str(seed), *cells)
    Console().print(table)


SPLITS = ("train", "validation")


def learn(run: Path, splits: dict[str, Path], noise: float, epochs: int, seed: int) -> None:
    """Train, with a third of the noise of each kind."""
    if (run / "pipeline").is_dir():
        return
    steps = 112 * epochs  # as the recipe's batches come out
    kinds = [f"streams.gloss.processor.{kind}={noise / 3}" for kind in ERRORS]
    recipe = load_recipe(
        RECIPE,
        [
            'data.root="."',
            *(f'data.{split}="{file}"' for split, file in splits.items()),
            *kinds,
            f"recipe.seed={seed}",
            f"stages.0.epochs={epochs}",
            f"stages.0.trainer.eval_delay={int(0.6 * steps)}",
            f"stages.0.trainer.eval_steps={max(1, steps // 14)}",
            f"stages.0.trainer.save_steps={max(1, steps // 14)}",
        ],
    )
    train(recipe, run)


ERRORS = ("drop", "substitute", "insert")


def corrupt(manifest: Manifest, share: float, words: list[str], file: Path) -> None:
    """Write the manifest with so many of its glosses wrong."""
    draw = np.random.default_rng(0)
    rows = []
    for row in manifest:
        said: list[str] = []
        for word in row.get("gloss").split():
            kind = draw.choice([*ERRORS, ""], p=[share / 3] * 3 + [1 - share])
            other = words[draw.integers(len(words))]
            said += {"drop": [], "substitute": [other], "insert": [word, other]}.get(kind, [word])
        fields = {**row.fields, "gloss": " ".join(said) or words[0]}
        rows.append([fields[column] for column in manifest.columns])
    write_manifest(file, manifest.columns, rows)


if __name__ == "__main__":
    main()
