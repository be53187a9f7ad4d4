"""Holding a part to what its kind promises: every fault by name, with the numbers and the cure."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from slp_core import registry
from slp_core.registry import Entry
from slp_core.spec import KINDS, ComponentSpec
from slp_core.testing.configuration import examine_keys, examine_refusals, problems_of
from slp_core.testing.findings import Findings, NotTried
from slp_core.testing.imports import heavy_imports
from slp_core.testing.trial import required_keys, trial_of

#: Where the checks of each kind are: ``examine(subject...)``. Those in _TORCH need torch.
_HOME = {
    "processor": "processors", "encoder": "networks", "tokenizer": "networks",
    "mapper": "networks", "fusion": "networks", "decoder": "decoders", "objective": "objectives",
    "annotator": "annotators", "corpus": "corpora", "metric": "metrics", "command": "commands",
}  # fmt: skip
_TORCH = {"encoder", "tokenizer", "mapper", "fusion", "decoder", "objective"}


def assert_conforms(spec: ComponentSpec, folder: Path | None = None) -> None:
    """Assert that a part keeps what its kind promises.

    ``folder``: where a trial writes its checkpoint; a temporary one if not given.

    Raises:
        AssertionError: with every fault, a line each.
    """
    __tracebackhide__ = True
    found = examine(spec, folder)
    assert not found.faults, "\n".join(
        [f"{found.who} does not conform:", *(f"  {line}" for line in found.faults)]
    )


def faults(spec: ComponentSpec, folder: Path | None = None) -> list[str]:
    """What is wrong with a part, a line each: ``padding: sample 1 ... differ by 0.2; ...``."""
    return examine(spec, folder).faults


def examine(spec: ComponentSpec, folder: Path | None = None) -> Findings:
    """What is wrong with a part, and what could not be tried here."""
    if folder is None:
        with TemporaryDirectory() as made:
            return examine(spec, Path(made))
    folder.mkdir(parents=True, exist_ok=True)
    entry = entry_of(spec)
    found = Findings(who=_who(spec, entry))
    if spec.kind not in KINDS:
        found.fault("spec", f'there is no kind "{spec.kind}"; one of {", ".join(KINDS)}')
        return found
    if not (isinstance(spec.config, type) and attrs.has(spec.config)):
        found.fault("config", f"{spec.config} is no attrs class; decorate it with attrs.frozen")
        return found
    with found.trying("imports"):
        _examine_imports(entry.entry_point.module if entry else spec.config.__module__, found)
    with found.trying("config"):
        examine_keys(spec.config, found)
    with found.trying("trial"):
        _try(spec, folder, found)
    return found


def entry_of(spec: ComponentSpec) -> Entry | None:
    """The entry point that a spec was loaded from, if any was."""
    for entry in registry.of_kind(spec.kind):
        point = entry.entry_point
        if getattr(sys.modules.get(point.module), point.attr, None) is spec:
            return entry
    return None


def _who(spec: ComponentSpec, entry: Entry | None) -> str:
    if entry is None:
        return f"the {spec.kind} {spec.factory}"
    return f'{entry.kind} "{entry.name}" of {entry.distribution} {entry.version}'


def _examine_imports(module: str, found: Findings) -> None:
    heavy = heavy_imports([module])[module]
    if heavy:
        found.fault(
            "imports",
            f"{module}, which holds the spec, imports {', '.join(heavy)}; import them where the "
            "part is built, so that listing and checking stay light",
        )


def _try(spec: ComponentSpec, folder: Path, found: Findings) -> None:
    if spec.kind in _TORCH and find_spec("torch") is None:
        raise NotTried("torch is not installed")
    home = folder / "trial"
    home.mkdir(exist_ok=True)
    trial = trial_of(spec, home)
    missing = [key for key in required_keys(spec.config) if key not in trial.config]
    if missing and not spec.trial:
        found.fault(
            "trial",
            f"a recipe must write {', '.join(missing)}, and nothing says what; give the spec a "
            'trial="package.trials:function" that returns Trial(config={...})',
        )
        return
    config, problems = problems_of(spec.config, trial.config)
    if config is None:
        said = "; ".join(f"{key}: {text}" for key, text in problems.items())
        found.fault("trial", f"its own keys are refused: {said}")
        return
    examine_refusals(spec.config, trial.config, found)
    if _loads(spec, found):
        checks = import_module(f"slp_core.testing.{_HOME[spec.kind]}")
        checks.examine(spec, config, trial, folder, found)


def _loads(spec: ComponentSpec, found: Findings) -> bool:
    """Whether the factory can be imported; if not, the fault says what is missing."""
    module, _, name = spec.factory.partition(":")
    with found.trying("factory"):
        try:
            spec.load()
            return True
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise
            found.fault("factory", f"there is no module {error.name}; the spec says {spec.factory}")
        except AttributeError:
            found.fault("factory", f"{module} has no {name}; the spec says {spec.factory}")
    return False
