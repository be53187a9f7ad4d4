"""What objectives of alignment compare: what a part gives, and the text as it is embedded; or
what the language model's encoder makes of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from slp_core.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from slp_core.batch import Batch
    from slp_core.pipeline import Pipeline, Trace
    from slp_core.sequence import Sequence

Through = Literal["embeddings", "encoder"]


def signs_and_texts(
    on: str, pipeline: Pipeline, trace: Trace, batch: Batch, through: Through = "embeddings"
) -> tuple[Sequence, Sequence]:
    """``b t d`` of the part ``on`` ("decoder": what it reads) and ``b l d`` of the embedded text;
    ``through`` the encoder: what the decoder's encoder makes of them.

    Raises:
        UserError: the part gives nothing, or steps of another shape than the text's tokens; or
            the decoder embeds no text, or has no encoder; or it is another part whose steps the
            encoder is to read.
    """
    if through == "encoder":
        if on != "decoder":
            raise UserError(
                f'on = "{on}": the encoder reads what the decoder reads; leave `on` out, or write '
                'through = "embeddings"'
            )
        return pipeline.decoder.encoded(trace.last, batch.tokens_of("decoder"))
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
