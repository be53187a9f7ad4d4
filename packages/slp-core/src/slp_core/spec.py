"""What a package registers under an entry point: a light description of one part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Literal, get_args

from attrs import field, frozen

#: The version of the contract between the core and its plugins.
API = 1

Kind = Literal[
    "processor", "encoder", "tokenizer", "mapper", "fusion", "decoder",
    "objective", "annotator", "corpus", "metric", "command",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)


@frozen
class DataFacts:
    """What is known of a corpus, for the cards of models that are trained on it. What is empty is
    not known; what the author of a model writes into ``card.toml`` goes before it."""

    domain: str = ""  #: what is spoken of
    signers: str = ""  #: how many, from where, Deaf or hearing
    consent: str = ""  #: what they agreed to, and how it is known
    data_licence: str = ""


@frozen
class ComponentSpec:
    """One part: its configuration, its tensor signature, and where its code is.

    The module that holds a spec imports nothing heavy; ``factory`` (``"module:name"``) is
    imported only when the part is built, and called as ``factory(config, context)``.

    ``signature`` tells the output type from the configuration and the input types:

    - of a processor: ``signature(config, signal: str) -> TensorType``
    - of an encoder, tokenizer, mapper: ``signature(config, inputs: TensorType) -> TensorType``
    - of a fusion: ``signature(config, inputs: dict[str, TensorType]) -> TensorType``
    - of a decoder: ``signature(config, inputs: TensorType) -> TensorType`` (``TEXT``)
    - others have none
    """

    kind: Kind
    config: type
    factory: str
    signature: Callable[..., Any] | None = None
    api: int = 1  #: the :data:`API` that it is written for; the first, where it does not say
    summary: str = ""  #: one line, for listings
    paper: str = ""  #: "arXiv:2103.00020"
    fits: bool = False  #: a stage may fit it in closed form (:meth:`slp_core.parts.Part.fit`)
    #: the keys that a recipe has to write, with values as one would: ``{"model": "org/name"}``;
    #: shown by `slp plugins show`. Streams are called "hands" and "lips".
    example: Mapping[str, Any] = field(factory=dict, hash=False)
    #: ``"module:function"``, how :mod:`slp_core.testing` tries it: ``function(folder) -> Trial``
    trial: str = ""
    facts: DataFacts = DataFacts()  #: of a corpus

    def load(self) -> Callable[..., Any]:
        """Import the factory. This is where torch and the rest come in."""
        module, _, name = self.factory.partition(":")
        return getattr(import_module(module), name)
