"""Metrics: a score of hypotheses against references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slp_core.errors import UserError
from slp_core.spec import ComponentSpec
from slp_core.testing.findings import Findings
from slp_core.testing.trial import Trial

REFERENCES = [
    "the sun shines in the south today", "rain comes in the night over the north",
    "tomorrow the wind is weak and mild", "in the mountains it snows for two days",
]  # fmt: skip


def examine(spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings) -> None:
    """Hold a metric to scoring what is right best, always alike, and to refusing other lengths."""
    metric = spec.load()(config)
    for name in ("score", "statistics", "higher_is_better", "name", "signature"):
        if not hasattr(metric, name):
            found.fault("factory", f"makes a {type(metric).__name__} without `{name}`")
            return
    with found.trying("score"):
        right = metric.score(REFERENCES, REFERENCES).value
        again = metric.score(list(REFERENCES), list(REFERENCES)).value
        wrong = {
            "of other sentences": REFERENCES[1:] + REFERENCES[:1],
            "without their last words": [text.rpartition(" ")[0] for text in REFERENCES],
            "that are empty": [""] * len(REFERENCES),
        }
        if again != right:
            found.fault("score", f"of the same twice is {right:g} and {again:g}")
        for what, texts in wrong.items():
            value = metric.score(texts, REFERENCES).value
            if (value >= right) if metric.higher_is_better else (value <= right):
                better = "higher" if metric.higher_is_better else "lower"
                found.fault(
                    "score",
                    f"of hypotheses {what} is {value:g}, of the references themselves {right:g}, "
                    f"and {better} is better",
                )
    for what, texts in {"one hypothesis less": REFERENCES[1:], "no hypotheses": []}.items():
        try:
            metric.score(texts, REFERENCES)
        except UserError:
            continue
        except Exception as error:
            found.fault("refusal", f"{what} raises {type(error).__name__} ({error}), no UserError")
        else:
            found.fault("refusal", f"{what} is taken; raise UserError")
