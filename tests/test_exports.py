"""What packages offer: each name once, in the stub that type checkers read."""

from __future__ import annotations

from importlib import import_module

import pytest

from slp_core.lazy import attributes, homes


@pytest.mark.parametrize("package", ["slp_core", "slp_encoders", "slp_fusion", "slp_llm"])
def test_every_name_is_where_the_stub_says(package):
    module = import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name).__name__ == name
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Encodr'"):
        module.Encodr  # noqa: B018


def test_a_stub_tells_the_submodule_of_each_name(tmp_path):
    stub = "from .a.model import One as One\nfrom .b import Two as Two\n"
    (tmp_path / "__init__.pyi").write_text(stub)
    home = homes(str(tmp_path / "__init__.py"))
    assert home == {"One": "a.model", "Two": "b"}
    assert attributes("json", {"JSONDecoder": "decoder"})("JSONDecoder").__name__ == "JSONDecoder"
