"""What a part is told when it is built, beside its own configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from slp_core.tensortype import TensorType

if TYPE_CHECKING:
    from slp_core.manifest import Manifest


@frozen
class Context:
    """Where a part stands and what meets it there. Every field has a default, so that a part
    can be made in Python from its configuration alone."""

    path: str = ""  #: "streams.pose.encoder"
    signal: str = ""  #: the manifest column of the stream it stands in
    inputs: TensorType | None = None  #: what comes in, sizes resolved (not for fusions)
    streams: dict[str, TensorType] = field(factory=dict)  #: what comes in, for fusions
    output: TensorType | None = None  #: what must go out, sizes resolved
    train: Manifest | None = None  #: the training rows, when a pipeline is built anew
    target: str = "text"  #: the column that is translated into
    texts: tuple[str, ...] = ()  #: of the training rows: what it reads beside signs, if anything
    assets: Path | None = None  #: the part's own files, when a pipeline is opened again
    meta: bool = False  #: it is built on the meta device, for its shapes: nobody asks for weights

    @property
    def reads_weights(self) -> bool:
        """Whether the weights of a checkpoint are read: not where the pipeline's own come later,
        nor where there are only shapes."""
        return self.assets is None and not self.meta
