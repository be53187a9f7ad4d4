"""What objectives of alignment compare: what a part gives, and the text as it is embedded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slp_core.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from slp_core.batch import Batch
    from slp_core.pipeline import Pipeline, Trace
    from slp_core.sequence import Sequence


def signs_and_texts(
    on: str, pipeline: Pipeline, trace: Trace, batch: Batch
) -> tuple[Sequence, Sequence]:
    """``b t d`` of the part ``on`` ("decoder": what it reads) and ``b l d`` of the embedded text.

    Raises:
        UserError: the part gives nothing, or steps of another shape than the text's tokens; or
            the decoder embeds no text.
    """
    if on != "decoder" and on not in trace.outputs:
        raise UserError(f'on = "{on}": gives nothing to align{did_you_mean(on, trace.outputs)}')
    signs = trace.last if on == "decoder" else trace[on]
    texts = pipeline.decoder.text_embeddings(batch.tokens_of("decoder"))
    ours, width = tuple(signs.values.shape[2:]), texts.values.shape[2]
    if ours != (width,):
        raise UserError(
            f'on = "{on}": gives steps of {" x ".join(map(str, ours))} numbers, text embeddings '
            f"have {width}; name the part that comes right before the decoder"
        )
    return signs, texts
