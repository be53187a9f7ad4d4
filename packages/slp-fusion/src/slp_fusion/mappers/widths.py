"""The widths of a mapper: the one it reads and the one it gives."""

from __future__ import annotations

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.tensortype import Size, Symbol


def output_width(dim: int | None) -> Size | Symbol:
    """The width a mapper gives: its ``dim``, or whatever comes next needs."""
    return Symbol("d") if dim is None else Size(dim, "dim")


def built_widths(dim: int | None, context: Context) -> tuple[int, int]:
    """Input and output width of the built mapper.

    Raises:
        UserError: nothing fixes one of them.
    """
    if context.inputs is None:
        raise UserError("a mapper is built with Context(inputs=TensorType(...)), the type it reads")
    if dim is None:
        if context.output is None:
            raise UserError("`dim` is needed where nothing that comes next says the width")
        dim = context.output.known("d")
    return context.inputs.known("d"), dim
