"""What passes between two parts, known before anything heavy is imported.

A :class:`TensorType` names its axes in einops words (``b t d``) with the sizes that are known,
its dtype, whether it is padded (comes with a mask), how many steps a second it has and which
modality it holds. A size that only weights can tell is a :class:`Symbol`; symbols unify along
the recipe's graph, so that "the width of the decoder" flows back to the mapper that meets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from attrs import evolve, field, frozen

from slp_core.errors import UserError

_current_part: ContextVar[str] = ContextVar("slp_current_part", default="")


@contextmanager
def part_speaking(path: str) -> Any:
    """Sizes and symbols made inside belong to the part at ``path`` (for messages)."""
    token = _current_part.set(path)
    try:
        yield
    finally:
        _current_part.reset(token)


class TypeMismatch(UserError):
    """Two tensor types do not fit. ``ours`` is what was asked for, ``theirs`` what came."""


class Size(int):
    """A known size that remembers which key of which part said so."""

    key: str
    part: str

    def __new__(cls, value: int, key: str = "", part: str | None = None) -> Size:
        size = super().__new__(cls, value)
        size.key = key
        size.part = _current_part.get() if part is None else part
        return size

    @property
    def said_by(self) -> str:
        """``decoder.dim``: the key that fixed the number, or the part if no key did."""
        return ".".join(word for word in (self.part, self.key) if word)


class Symbol:
    """A size not known yet. It is bound at most once, to a size or to another symbol."""

    def __init__(self, name: str, part: str | None = None) -> None:
        self.name = name
        self.part = _current_part.get() if part is None else part
        self._bound: Size | Symbol | None = None

    def resolve(self) -> Size | Symbol:
        if self._bound is None:
            return self
        return self._bound.resolve() if isinstance(self._bound, Symbol) else self._bound

    def bind(self, size: Size | Symbol) -> None:
        assert self._bound is None, "a symbol is bound once"
        self._bound = size

    def __repr__(self) -> str:
        found = self.resolve()
        return str(int(found)) if isinstance(found, Size) else "?"


def unify(ours: Size | Symbol, theirs: Size | Symbol) -> bool:
    """Make two sizes one; False when both are known and differ."""
    left = ours.resolve() if isinstance(ours, Symbol) else ours
    right = theirs.resolve() if isinstance(theirs, Symbol) else theirs
    if isinstance(left, Symbol):
        if left is not right:
            left.bind(right)
        return True
    if isinstance(right, Symbol):
        right.bind(left)
        return True
    return int(left) == int(right)


@frozen
class Rate:
    """Steps a second: a number, or a factor of the clip's own rate (``of="clip"``)."""

    hz: float = 1.0
    of: str = "clip"  #: "" when ``hz`` is absolute

    def __truediv__(self, stride: float) -> Rate:
        return evolve(self, hz=self.hz / stride)

    def __str__(self) -> str:
        if not self.of:
            return f"{self.hz:g} Hz"
        return f"rate of the {self.of}" + ("" if self.hz == 1 else f" / {1 / self.hz:g}")


def _sizes(sizes: Mapping[str, int | Symbol]) -> dict[str, Size | Symbol]:
    return {
        name: size if isinstance(size, Size | Symbol) else Size(size)
        for name, size in sizes.items()
    }


@frozen
class TensorType:
    """``TensorType("b t d", {"d": 534})``: batches of sequences of 534-wide steps.

    Every axis but ``b`` and ``t`` has a size; those not given are free symbols. ``sizes`` may
    also hold what is no axis, as the ``vocabulary`` of token ids.
    """

    axes: str
    sizes: dict[str, Size | Symbol] = field(factory=dict, converter=_sizes)
    dtype: str = "float32"
    padded: bool = True  #: comes with a mask over ``t``
    rate: Rate | None = Rate()  #: None: the steps have no clock (tokens of text)
    modality: str | None = None  #: "pose", "video", ...; None once an encoder has read it

    def __attrs_post_init__(self) -> None:
        for axis in self.axes.split():
            if axis not in "bt" and axis not in self.sizes:
                self.sizes[axis] = Symbol(axis)

    def __getitem__(self, name: str) -> Size | Symbol:
        size = self.sizes[name]
        return size.resolve() if isinstance(size, Symbol) else size

    def known(self, name: str) -> int:
        """The size as a number; a UserError if nothing has fixed it."""
        size = self[name]
        if isinstance(size, Symbol):
            where = f"{size.part}: " if size.part else ""
            raise UserError(f"{where}the size `{size.name}` is fixed by nothing; write it")
        return int(size)

    def to(self, axes: str | None = None, /, **changes: Any) -> TensorType:
        """This type with other axes, sizes (``d=256``), ``dtype``, ``rate`` or ``modality``."""
        fields = {
            name: changes.pop(name)
            for name in ("dtype", "padded", "rate", "modality")
            if name in changes
        }
        axes = self.axes if axes is None else axes
        kept = {name: size for name, size in self.sizes.items() if name in axes.split()}
        return evolve(self, axes=axes, sizes={**kept, **_sizes(changes)}, **fields)

    def expect(
        self,
        axes: str,
        *,
        dtype: str | tuple[str, ...] = (),
        modality: str | tuple[str, ...] = (),
        **sizes: int | Symbol,
    ) -> TensorType:
        """Unify with what a part needs.

        Raises:
            TypeMismatch: the axes, dtype, modality or a size differ; both are named.
        """
        if self.axes.split() != axes.split():
            raise TypeMismatch(f"gives `{self.axes}`, `{axes}` is needed")
        dtypes = (dtype,) if isinstance(dtype, str) else dtype
        if dtypes and self.dtype not in dtypes:
            raise TypeMismatch(f"gives {self.dtype}, {' or '.join(dtypes)} is needed")
        modalities = (modality,) if isinstance(modality, str) else modality
        if modalities and self.modality not in modalities:
            got = self.modality or "an encoded sequence"
            raise TypeMismatch(f"gives {got}, {' or '.join(modalities)} is needed")
        for name, ours in _sizes(sizes).items():
            theirs = self[name]
            if not unify(ours, theirs):
                ours = ours.resolve() if isinstance(ours, Symbol) else ours
                assert isinstance(ours, Size) and isinstance(theirs, Size)
                raise TypeMismatch(
                    f"gives {name} = {int(theirs)} (`{theirs.said_by}`), "
                    f"{name} = {int(ours)} is needed (`{ours.said_by}`)"
                )
        return self

    def __str__(self) -> str:
        words = [
            axis if axis in "bt" else f"{axis}={self.sizes[axis]!r}" for axis in self.axes.split()
        ]
        words += [f"{n}={s!r}" for n, s in self.sizes.items() if n not in self.axes.split()]
        text = " ".join(words)
        tail = [self.dtype] if self.dtype != "float32" else []
        tail += [str(self.rate)] if self.rate is not None else []
        return f"{text} ({', '.join(tail)})" if tail else text


#: What a decoder gives.
TEXT = TensorType("b", dtype="str", padded=False, rate=None, modality="text")
