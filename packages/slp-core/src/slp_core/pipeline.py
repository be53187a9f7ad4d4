"""The composed network: from a batch of signals to the sequence a decoder reads, and to text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from attrs import evolve, field, frozen
from torch import nn

from slp_core import confidence, display, hub, packages
from slp_core.batch import Batch, Sample, collate
from slp_core.check import Plan, check, matches
from slp_core.confidence import Calibration
from slp_core.ctc import Transcriber
from slp_core.errors import RecipeError, UserError, did_you_mean
from slp_core.files import read_text, whole_folder, write_text
from slp_core.hooks import hooks
from slp_core.manifest import Row
from slp_core.parts import Decoder, Part, Translation
from slp_core.reading import RowReader
from slp_core.recipe import Recipe
from slp_core.recipe_file import RECIPE, load_recipe
from slp_core.sequence import Sequence
from slp_core.signals import Processor
from slp_core.weights import FROZEN, WEIGHTS, load_weights, save_whole

ASSETS = "assets"
#: What a saved pipeline is made of; nothing else is fetched from the hub, or pushed.
FILES = (RECIPE, WEIGHTS, FROZEN, f"{ASSETS}/*", hub.CARD, confidence.FILE, packages.FILE)


@frozen(eq=False)
class Trace:
    """What every part gave, by path; ``last`` is what goes into the decoder (no steps where
    nothing asked for it); ``ends`` is what every stream ended in, by its name."""

    outputs: dict[str, Sequence]
    last: Sequence
    ends: dict[str, Sequence] = field(factory=dict)

    def __getitem__(self, path: str) -> Sequence:
        return self.outputs[path]


class Pipeline(nn.Module):
    """Processors and parts, wired as the recipe says. Made by :func:`slp_core.build.build`.

    The parts are submodules under their recipe paths (``streams.pose.encoder``), which are the
    prefixes of their parameters' names.
    """

    decoder: Decoder

    def __init__(
        self, plan: Plan, processors: dict[str, Processor], parts: dict[str, Part]
    ) -> None:
        super().__init__()
        self.plan = plan
        self.processors = processors
        self.reader = RowReader(
            plan.recipe, {p.split(".")[1]: one for p, one in processors.items()}
        )
        self.parts = tuple(parts)
        self.calibration: Calibration | None = None  #: of the weights it has
        self.card: str | None = None  #: Markdown, as `slp card` writes it
        for path, part in parts.items():
            _mount(self, path, part)

    @property
    def recipe(self) -> Recipe:
        return self.plan.recipe

    def __repr__(self) -> str:
        return display.pipeline_text(self)

    def _repr_html_(self) -> str:
        return display.pipeline_html(self)

    # -- the data's way ----------------------------------------------------------------------

    def forward(self, batch: Batch, wanted: Collection[str] | None = None) -> Trace:
        """Run everything before the decoder, or only what leads to the ``wanted`` parts ("decoder":
        to what goes into it). Shapes: see each part."""
        streams, fuses = self._leading_to(wanted)
        outputs: dict[str, Sequence] = {}
        ends: dict[str, Sequence] = {}
        for name, trunk in self._streams():
            reached = ends.get(trunk) if trunk else batch.signals.get(name)
            if name not in streams or reached is None:  # not read where only an objective needs it
                continue
            for kind in ("encoder", "tokenizer", "mapper"):
                path = f"streams.{name}.{kind}"
                if kind == "encoder" and name in batch.encoded:
                    outputs[path] = reached
                else:
                    reached = self._pass(path, reached, outputs)
            ends[name] = reached
        if not fuses:
            nothing = Sequence.pad([torch.zeros(0, 0)] * len(batch), [torch.nan] * len(batch))
            return Trace(outputs, nothing, ends)
        fused: Any = {name: ends[name] for name in self.recipe.fused}
        if "fusion" in self.parts:
            fused = self._pass("fusion", fused, outputs)
        else:
            (fused,) = fused.values()
        fused = self._pass("mapper", fused, outputs)
        return Trace(outputs, fused, ends)

    def _leading_to(self, wanted: Collection[str] | None) -> tuple[Collection[str], bool]:
        """The streams that are to be run, and whether what is behind them is, too."""
        if wanted is None:
            return self.recipe.streams, True
        words = [path.split(".") for path in wanted]
        named = [name for place, name, *_ in (one for one in words if one[0] == "streams")]
        fuses = len(named) < len(words)
        return self.recipe.with_trunks([*named, *(self.recipe.fused if fuses else [])]), fuses

    def _pass(self, path: str, inputs: Any, outputs: dict[str, Sequence]) -> Any:
        if path not in self.parts:
            return inputs
        outputs[path] = self.part(path)(inputs)
        return outputs[path]

    def _streams(self) -> Iterator[tuple[str, str | None]]:
        """Streams with their trunks, trunks first."""
        waiting = {name: stream.from_ for name, stream in self.recipe.streams.items()}
        while waiting:
            name = next(n for n, trunk in waiting.items() if trunk not in waiting)
            yield name, waiting.pop(name)

    # -- its parts ---------------------------------------------------------------------------

    def part(self, path: str) -> Any:
        """The part at a recipe path, be it inside another (``decoder.then``).

        Raises:
            UserError: there is none.
        """
        if path in self.processors:
            return self.processors[path]
        try:
            found: nn.Module | None = self.get_submodule(path)
        except AttributeError:
            found = None
        if not isinstance(found, Part):
            raise UserError(f'the pipeline has no part "{path}"{did_you_mean(path, self.parts)}')
        return found

    def select(self, patterns: Iterable[str]) -> dict[str, nn.Parameter]:
        """The named parameters that part paths mean: ``streams.*.mapper``, ``decoder.lora``.

        Raises:
            UserError: a pattern means no parameter.
        """
        chosen: dict[str, nn.Parameter] = {}
        groups = self._groups()
        for pattern in patterns:
            found = {n: p for path, group in groups.items() if matches(pattern, path)
                     for n, p in group.items()}  # fmt: skip
            if not found:
                known = [*groups]
                raise UserError(f'"{pattern}" has no parameters{did_you_mean(pattern, known)}')
            chosen |= found
        return {name: p for name, p in self.named_parameters() if name in chosen}

    def _groups(self) -> dict[str, dict[str, nn.Parameter]]:
        """Parameters by part path, and by the groups a part names below itself."""
        names = {id(parameter): name for name, parameter in self.named_parameters()}
        groups: dict[str, dict[str, nn.Parameter]] = {}
        for path in self.parts:
            part = self.part(path)
            own = {names[id(p)]: p for p in part.parameters()}
            if own:
                groups[path] = own
            for name, parameters in part.subparts().items():
                group = {names[id(p)]: p for p in parameters}
                if group:
                    groups[f"{path}.{name}"] = group
        return groups

    @property
    def device(self) -> torch.device:
        return next((p.device for p in self.parameters()), torch.device("cpu"))

    # -- rows and files ----------------------------------------------------------------------

    @torch.inference_mode()
    def generate(self, batch: Batch, **options: Any) -> list[Translation]:
        """Translate a batch. ``options``: those of :meth:`Decoder.generate`.

        What its parts read by CTC is in the ``transcripts`` of every translation, what plugins
        found in its ``notes``.
        """
        batch = batch.to(self.device)
        trace = self(batch)
        said = self.decoder.generate(trace.last, batch.tokens_of("decoder"), **options)
        for path, steps in trace.outputs.items():
            expert = self.part(path)
            if isinstance(expert, Transcriber):
                said = [
                    evolve(one, transcripts={path: read.text, **one.transcripts})
                    for one, read in zip(said, expert.transcribe(steps), strict=True)
                ]
        if self.calibration is not None and self.calibration.holds_for(options):
            said = [evolve(one, expected=self.calibration(one.confidence)) for one in said]
        for found in hooks().slp_after_translation(pipeline=self, translations=said):
            said = [
                evolve(one, notes=(*one.notes, *notes))
                for one, notes in zip(said, found, strict=True)
            ]
        return said

    def translate(
        self, source: str | Path | Mapping[str, str | Path], **options: Any
    ) -> Translation:
        """Translate one file (or a file for each signal: ``{"pose": ..., "video": ...}``).

        It is decoded as the recipe's ``[evaluation]`` has it, ``options`` aside.

        Raises:
            UserError: the file cannot be read, or another signal is missing.
        """
        wanted = self.recipe.signals
        given = dict(source) if isinstance(source, Mapping) else {wanted[0]: source}
        if missing := [name for name in wanted if name not in given]:
            files = ", ".join(f'"{name}": ...' for name in wanted)
            raise UserError(
                f"this pipeline reads {' and '.join(wanted)}, and there is nothing for "
                f"{' and '.join(missing)}: give {{{files}}}"
            )
        for name, one in given.items():
            if not isinstance(one, str | Path):
                raise UserError(f"{name}: a path is expected, {type(one).__name__} was given")
        row = Row({name: str(one) for name, one in given.items()}, Path(), 0)
        self.eval()
        settings = {**self.recipe.evaluation.generation, **options}
        return self.generate(collate([self.sample(row)]), **settings)[0]

    def sample(self, row: Row) -> Sample:
        """Read and tokenise one row for translation, without labels."""
        ids = self.decoder.encode(row, None)
        tokens = {f"decoder.{name}": one for name, one in ids.items()}
        return Sample(row, self.reader.only(self.recipe.heard).read(row), tokens)

    # -- to disk and back --------------------------------------------------------------------

    def save(
        self, folder: Path | str, weights: Callable[[Pipeline, Path], None] = save_whole
    ) -> None:
        """Write the pipeline whole or not at all: recipe, weights, assets, calibration, card.
        ``weights``: writes those into a folder.

        Raises:
            UserError: ``folder`` holds something else than an earlier pipeline.
        """
        folder = Path(folder)
        known = any((folder / file).is_file() for file in (WEIGHTS, packages.FILE))
        if folder.exists() and not known and (folder.is_file() or any(folder.iterdir())):
            raise UserError(
                f"{folder}: holds something else than a saved pipeline, and would be replaced; "
                "choose another folder"
            )
        with whole_folder(folder) as beside:
            write_text(beside / RECIPE, self.recipe.to_toml())
            packages.write_parts(self.plan, beside)
            for path in [*self.processors, *self.parts]:
                assets = beside / ASSETS / path
                assets.mkdir(parents=True)
                self.part(path).save_assets(assets)
                if not any(assets.iterdir()):
                    assets.rmdir()
            weights(self, beside)
            if self.calibration is not None:
                self.calibration.save(beside)
            if self.card is not None:
                write_text(beside / hub.CARD, self.card)

    def load_weights(self, folder: Path | str) -> None:
        """Load the weights that :meth:`save` wrote, strictly. The pipeline is not calibrated then.

        Raises:
            UserError: weights are absent, missing, unexpected, in both files or of another shape.
        """
        load_weights(self, Path(folder), str(self.device))
        self.calibration = None

    @classmethod
    def from_recipe(cls, recipe: Path | str, settings: Iterable[str] = ()) -> Pipeline:
        """Build what a recipe's file composes, untrained. ``settings``: as ``--set`` has them.

        Parts that learn from training rows do so if the manifest is there; it is not made.

        Raises:
            RecipeError: the recipe does not check.
            UserError: a part cannot be made.
        """
        from slp_core.build import build
        from slp_core.manifest import read_manifest

        loaded = load_recipe(recipe, [*settings])
        file = loaded.data.path("train")
        train = read_manifest(file) if file is not None and file.is_file() else None
        return build(loaded, train=train)

    @classmethod
    def from_pretrained(cls, name: Path | str, revision: str | None = None) -> Pipeline:
        """Open a saved pipeline or a finished run: a folder, or ``owner/name`` on the Hugging Face
        hub where there is no such folder. ``revision``: a branch, a tag or a commit of the latter.

        Raises:
            UserError: there is none, it does not open, or its parts are not installed.
        """
        from slp_core.build import build

        folder = Path(name)
        if not folder.exists():
            folder = hub.fetch(folder.as_posix(), revision, FILES)
        elif revision is not None:
            raise UserError(f"{name}: is a folder here; a revision is of the Hugging Face hub's")
        if folder.is_file():
            raise UserError(f"{name}: is a file; the folder of a saved pipeline or run is expected")
        home = folder / "pipeline" if (folder / "pipeline" / WEIGHTS).is_file() else folder
        for file in (RECIPE, WEIGHTS):
            if not (home / file).is_file():
                raise UserError(f"{name}: is no saved pipeline or finished run ({file} missing)")
        try:
            plan = check(load_recipe(home / RECIPE))
        except RecipeError as error:
            if missing := packages.missing_packages(home):
                raise UserError("\n".join([f"{name}: {one}" for one in missing])) from error
            raise
        pipeline = build(plan, assets=home / ASSETS)
        pipeline.load_weights(home)
        pipeline.calibration = Calibration.load(home)
        if (home / hub.CARD).is_file():
            pipeline.card = read_text(home / hub.CARD)
        return pipeline.eval()

    def push_to_hub(
        self,
        repo: str,
        *,
        private: bool | None = None,
        revision: str | None = None,
        message: str | None = None,
        token: str | None = None,
    ) -> str:
        """Upload it with its :attr:`card` to ``owner/name`` on the Hugging Face hub, made where it
        is not there, and return the address. ``private``: None, as the owner's settings have it;
        ``token``: None, that of ``hf auth login``.

        Raises:
            UserError: it has no card, or the hub does not take it.
        """
        if self.card is None:
            raise UserError(
                f"{repo}: a pipeline is pushed with its card, and this one has none: write one "
                "with `slp card RUN` and open it again, or set `pipeline.card`"
            )
        with TemporaryDirectory() as place:
            saved = Path(place) / "pipeline"
            self.save(saved)
            return hub.push(
                saved,
                repo,
                files=FILES,
                private=private,
                revision=revision,
                message=message,
                token=token,
            )


def _mount(root: nn.Module, path: str, part: Part) -> None:
    """Register a part under its path, with plain modules on the way."""
    *parents, last = path.split(".")
    for word in parents:
        if word not in root._modules:
            root.add_module(word, nn.Module())
        root = root.get_submodule(word)
    root.add_module(last, part)
