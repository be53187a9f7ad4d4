"""What fusions of the hands' experts with the lips share: the router's keys, and who is who."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.errors import did_you_mean
from slp_core.tensortype import TensorType, TypeMismatch

REST = "rest"  #: the route to nothing


@frozen
class RouterConfig:
    """``route = { on = "frames", between = ["signing", "fingerspelling"] }``."""

    on: str = field(metadata={"help": "stream whose steps tell the route"})
    between: list[str] = field(
        validator=validators.min_len(2),
        metadata={"help": "streams of the experts, a route each; the first one is the clock"},
    )
    rest: bool = field(default=True, metadata={"help": "whether there is a route to nothing, too"})
    window: int = field(
        default=1,
        validator=validators.ge(1),
        metadata={"help": "steps that a route is told from, the step in the middle; odd"},
    )
    hidden: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "width of a hidden layer; left out: none, the router is linear"},
    )
    temperature: float = field(
        default=1.0,
        validator=validators.gt(0),
        metadata={"help": "of the Gumbel-Softmax at the first forward pass that trains it"},
    )
    final: float = field(
        default=0.1, validator=validators.gt(0), metadata={"help": "the same, `steps` later"}
    )
    steps: int = field(
        default=1000,
        validator=validators.ge(1),
        metadata={"help": "forward passes that train it, between the two (geometric)"},
    )

    def __attrs_post_init__(self) -> None:
        if self.window % 2 == 0:
            raise ValueError(f"window is {self.window}; it must be odd")
        if len(set(self.routes)) < len(self.routes):
            raise ValueError(f"a route stands there twice: {', '.join(self.routes)}")

    @property
    def routes(self) -> tuple[str, ...]:
        """The names of the routes, in the order of the router's classes."""
        return (*self.between, REST) if self.rest else tuple(self.between)


def experts(
    route: RouterConfig | None, lips: str | None, streams: dict[str, TensorType]
) -> list[str]:
    """The streams that tell of the hands: those of the route, or the one that is not ``lips``."""
    if route is not None:
        return route.between
    return [name for name in streams if name != lips]


def signature(
    route: RouterConfig | None, lips: tuple[str, str] | None, inputs: dict[str, TensorType]
) -> TensorType:
    """Several ``b t d`` to one on the clock of the first expert. The experts and the lips (their
    key and their stream) have one width; what the router reads may have another.

    Raises:
        TypeMismatch: a stream is missing, has no part in it, or does not fit.
    """
    named = [lips] if lips else []
    if route is not None:
        named += [("route.on", route.on), *(("route.between", name) for name in route.between)]
    for key, name in named:
        if name not in inputs:
            raise TypeMismatch(f'have no "{name}" (`{key}`){did_you_mean(name, inputs)}')
    first, *others = manual = experts(route, lips and lips[1], inputs) or [""]
    if not first or (route is None and others):
        said = ", ".join(f'"{name}"' for name in inputs)
        raise TypeMismatch(f"({said}) need a `route`, unless there is one stream beside the lips")
    idle = [name for name in inputs if name not in {name for _, name in named} | set(manual)]
    if idle:
        raise TypeMismatch(f'hold "{idle[0]}", which no key names; leave it out of `streams`')
    for name, stream in inputs.items():
        try:
            stream.expect("b t d", dtype="float32")
        except TypeMismatch as error:
            raise TypeMismatch(f'cannot be joined: "{name}" {error}') from error
    for name in [*others, *([lips[1]] if lips else [])]:
        try:
            inputs[name].expect("b t d", d=inputs[first]["d"])
        except TypeMismatch as error:
            raise TypeMismatch(f'differ in width: beside "{first}", "{name}" {error}') from error
    return inputs[first].to("b t d", modality=None)
