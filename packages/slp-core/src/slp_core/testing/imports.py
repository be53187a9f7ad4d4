"""Whether modules of specs stay light: tried in a fresh interpreter, once for all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

#: What a spec may not import, nor may anything that it imports.
HEAVY = (
    "accelerate", "av", "cv2", "jax", "matplotlib", "mediapipe", "numpy", "ot", "pandas", "peft",
    "pose_format", "scipy", "sklearn", "spacy", "tensorflow", "tokenizers", "torch", "torchvision",
    "transformers",
)  # fmt: skip

#: Imports each module with the heavy ones refused, and tells which of them it asked for.
_PROGRAM = """
import importlib, json, sys
path, heavy, modules = json.load(sys.stdin)
sys.path[:] = path
asked = []
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in heavy:
            asked.append(name.partition(".")[0])
            raise ImportError(f"{name} is heavy")
sys.meta_path.insert(0, Refuse())
found = {}
for module in modules:
    asked.clear()
    try:
        importlib.import_module(module)
    except Exception:  # the refusal may be raised again as anything; what was asked for is noted
        pass
    found[module] = sorted(set(asked))
print(json.dumps(found))
"""
_known: dict[str, list[str]] = {}


def heavy_imports(modules: Iterable[str]) -> dict[str, list[str]]:
    """The heavy packages that each module imports. A module is tried once in a process: ask for
    all at once where there are many."""
    wanted = sorted(set(modules))
    new = [name for name in wanted if name not in _known]
    if new:
        given = json.dumps([sys.path, HEAVY, new])
        command = [sys.executable, "-I", "-c", _PROGRAM]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
        _known.update(json.loads(done.stdout.splitlines()[-1]))
    return {name: _known[name] for name in wanted}
