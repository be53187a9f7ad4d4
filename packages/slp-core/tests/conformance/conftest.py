"""Parts as if they stood in a package of their own."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from slp_core.spec import ComponentSpec

from . import toys


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """``spec(cls, signature, kind, ...)``: the spec of a class; ``trial``: what it is tried by."""
    module = ModuleType("wrong_parts")
    here = {**vars(toys), **vars(request.module)}
    vars(module).update({n: one for n, one in here.items() if not n.startswith("__")})
    monkeypatch.setitem(sys.modules, "wrong_parts", module)

    def make(
        cls: Any, signature: Any = toys.same, kind: Any = "mapper", trial: Any = None, **keys: Any
    ) -> ComponentSpec:
        cls.__module__ = "wrong_parts"
        vars(module).update(Part=cls, trial=trial)
        keys = {"config": toys.Config, "factory": "wrong_parts:Part", **keys}
        if keys["config"].__module__ in (toys.__name__, request.module.__name__):
            keys["config"].__module__ = "wrong_parts"
        if trial is not None:
            keys["trial"] = "wrong_parts:trial"
        return ComponentSpec(kind=kind, signature=signature, **keys)

    return make
