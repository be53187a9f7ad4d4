"""The published scores of the WMT-SLT 22 systems (DSGS to German), from their outputs."""

import csv
import os
from pathlib import Path

import pytest

from slp_train.metrics.bleu import Bleu
from slp_train.metrics.chrf import Chrf
from slp_train.metrics.evaluate import evaluate_texts
from slp_train.metrics.spec import ChrfPlusPlusConfig

BESIDE_THE_REPOSITORY = Path(__file__).parents[5] / "shared" / "data"
FOLDER = Path(os.environ.get("SLP_SHARED_DATA", BESIDE_THE_REPOSITORY)) / "metrics" / "wmt_slt22"
SYSTEMS = [
    "DFKI-MLT.1", "DFKI-MLT.3", "DFKI-MLT.5", "MSMunich.2", "SLT_UPC.2", "SLT_UPC.4",
    "SLT_UPC.6", "Zifan-test.1", "njupt-mtt.2", "slattic.2", "slattic.4", "slattic.6",
]  # fmt: skip

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="needs metrics/wmt_slt22 under shared/data or $SLP_SHARED_DATA"
)


def lines(system):
    file = FOLDER / f"slttest2022.dsgs-de.dsgs-de.{system}.txt"
    return file.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def published():
    with (FOLDER / "published.csv").open(encoding="utf-8", newline="") as file:
        return {row.pop("system"): row for row in csv.DictReader(file)}


def test_all_systems_are_there():
    assert sorted(published()) == sorted(SYSTEMS)
    assert len(lines("REFERENCE")) == 488


@pytest.mark.parametrize("system", SYSTEMS)
def test_published_scores(system):
    hypotheses, references, expected = lines(system), lines("REFERENCE"), published()[system]
    (bleu,) = evaluate_texts(hypotheses, references, metrics=[Bleu()])
    assert f"{bleu.mean:.2f}" == expected["bleu_bootstrap_mean"]
    assert bleu.signature.startswith(
        "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:"
    )
    chrf, chrf_plus_plus = evaluate_texts(
        hypotheses, references, metrics=[Chrf(), Chrf(ChrfPlusPlusConfig())], resamples=0
    )
    assert chrf.value == pytest.approx(float(expected["chrf"]), abs=0.02)
    assert chrf_plus_plus.value == pytest.approx(float(expected["chrf++"]), abs=0.02)
