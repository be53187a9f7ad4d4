"""Decoders: from a sequence to text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slp_core.batch import Tokens
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Decoder, Translation
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType, unify
from slp_core.testing.findings import Findings
from slp_core.testing.modules import Feed, Outcome, Subject, as_part, examine_module
from slp_core.testing.networks import drawn_batch, settle, sign
from slp_core.testing.trial import WIDTH, Trial, manifest


def examine(spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings) -> None:
    """Hold a decoder to its width, its logits and its translations."""
    signed = sign(spec, config, trial, found)
    if signed is None:
        return
    inputs, output = signed
    if not isinstance(inputs, TensorType) or getattr(output, "modality", None) != "text":
        found.fault("signature", f"gives {output}; a decoder gives slp_core.tensortype.TEXT")
        return
    subject = Words(spec, config, trial, folder, found, inputs)
    with found.trying("build"):
        part = _built(subject)
        if as_part(part, Decoder, found) and _width(subject, part):
            with found.trying("run"):
                subject.looks(part)
                _texts(subject, part)
                examine_module(subject, part)


class Words(Subject):
    """A decoder with rows of text to learn from and to say."""

    forced = True  #: whether it has logits of a text that is given

    def __init__(
        self,
        spec: ComponentSpec,
        config: Any,
        trial: Trial,
        folder: Path,
        found: Findings,
        inputs: TensorType,
    ) -> None:
        super().__init__(spec, config, trial, folder, found)
        self.inputs = inputs
        train = manifest(folder, trial.rows)
        self.rows = [train.rows[n % len(train)] for n in range(len(trial.lengths))]
        texts = tuple(row.get(trial.target) for row in train)
        self.context = Context(
            path=spec.kind, inputs=inputs, train=train, target=trial.target, texts=texts
        )

    def looks(self, part: Decoder) -> None:
        """Whether it has logits of a text that is given: what reads by CTC has not."""
        feed = self.everyone
        try:
            with torch.no_grad():
                part(self.batch(feed), self.tokens(part, feed, labels=True))
        except UserError as reason:
            self.forced = False
            self.found.not_tried(f"logits: {reason}")

    def batch(self, feed: Feed) -> Sequence:
        return drawn_batch(self.inputs, list(self.trial.lengths), feed)

    def tokens(self, part: Decoder, feed: Feed, labels: bool) -> dict[str, Tokens]:
        """What the decoder asks for of the rows, padded."""
        rows = [self.rows[number] for number in feed.samples]
        return padded([encoded(part, row, self.trial.target, labels) for row in rows], feed)

    def run(self, part: Decoder, feed: Feed) -> Outcome:
        inputs, samples = self.batch(feed), list[dict[str, Any]]({} for _ in feed.samples)
        if self.forced:
            tokens = self.tokens(part, feed, labels=True)
            logits, mask = part(inputs, tokens), tokens["labels"].mask
            if logits.is_meta:
                return []
            for sample, one, valid in zip(samples, logits, mask, strict=True):
                sample["logits"] = one[: len(valid)][valid]
        if not torch.is_grad_enabled() and not part.training and feed.device != "meta":
            said = part.generate(inputs, self.tokens(part, feed, labels=False))
            for sample, one in zip(samples, said, strict=True):
                sample |= {"text": one.text, "confidence": torch.tensor(one.confidence)}
        return samples


def encoded(part: Decoder, row: Row, target: str, labels: bool) -> dict[str, list[int]]:
    """Token ids of a row, with those of its text or without."""
    return part.encode(row, row.get(target) if labels else None)


def padded(rows: list[dict[str, list[int]]], feed: Feed) -> dict[str, Tokens]:
    """Ids ``b l`` by name, zeros after the end, ``feed.extra`` of them more than needed."""
    tokens = {}
    for name in rows[0]:
        lengths = torch.tensor([len(ids[name]) for ids in rows])
        steps = int(lengths.max()) + feed.extra
        ids = torch.zeros(len(rows), steps, dtype=torch.long)
        for place, one in enumerate(rows):
            ids[place, : len(one[name])] = torch.tensor(one[name], dtype=torch.long)
        tokens[name] = Tokens(ids, lengths_to_mask(lengths, steps)).to(feed.device)
    return tokens


def _built(subject: Words) -> Any:
    """The decoder; where it cannot tell its width, it is given one, as by a part before it."""
    try:
        return subject.build()
    except UserError:
        settle(subject.inputs, WIDTH)
        return subject.build()


def _width(subject: Words, part: Decoder) -> bool:
    """Whether the width it reads is told, by its signature or by itself, and by both alike."""
    inputs, found = subject.inputs, subject.found
    for name, size in part.sizes().items():
        if name not in inputs.sizes:
            found.fault("shape", f'sizes() tells "{name}", which what it reads does not have')
        elif not unify(inputs[name], Size(size)):
            said = f"its signature {inputs.known(name)}"
            found.fault("shape", f"sizes() says that it reads {name} = {size}, {said}")
    if "d" in inputs.sizes and not isinstance(inputs["d"], Size):
        found.fault(
            "shape",
            "neither its signature nor sizes() tells the width that it reads; return "
            '{"d": ...}, so that the mapper before it can be built',
        )
        return False
    return True


def _texts(subject: Words, part: Decoder) -> None:
    """Labels are asked for, logits are of them, and a batch gives a translation each."""
    found, feed = subject.found, subject.everyone
    asked = encoded(part, subject.rows[0], subject.trial.target, labels=True)
    if "labels" not in asked:
        found.fault("encode", f'gives {", ".join(asked) or "nothing"} of a text, no "labels"')
        return
    inputs = subject.batch(feed)
    with torch.no_grad():
        said = part.generate(inputs, subject.tokens(part, feed, labels=False))
    if len(said) != len(feed.samples) or not all(isinstance(one, Translation) for one in said):
        kinds = ", ".join(sorted({type(one).__name__ for one in said}))
        found.fault(
            "generate",
            f"gives {len(said)} of {kinds}; {len(feed.samples)} Translations are expected",
        )
    for one in said:
        if isinstance(one, Translation) and not 0 <= one.confidence <= 1:
            found.fault(
                "generate", f"a confidence of {one.confidence:g}; one in [0, 1] is expected"
            )
            return
    if subject.forced:
        tokens = subject.tokens(part, feed, labels=True)
        with torch.no_grad():
            _logits(part(inputs, tokens), tokens["labels"], part, found)


def _logits(logits: Tensor, labels: Tokens, part: Decoder, found: Findings) -> None:
    b, steps = labels.ids.shape
    if logits.ndim != 3 or logits.shape[0] != b or logits.shape[1] < steps:
        given = " x ".join(map(str, logits.shape))
        found.fault("shape", f"logits of {given}, {b} x {steps} x vocabulary are expected")
    elif int(labels.ids.max()) >= logits.shape[2]:
        found.fault(
            "shape", f"a label of {int(labels.ids.max())}, logits of {logits.shape[2]} tokens"
        )
    elif not logits[:, :steps][labels.mask].isfinite().all():
        found.fault("shape", "logits are not finite")
