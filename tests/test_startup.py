"""What starting costs: nothing heavy is imported before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "torch", "transformers", "peft", "accelerate", "numpy", "av", "pose_format", "sacrebleu",
    "tokenizers", "rich", "matplotlib", "jinja2", "PIL", "ot", "scipy",
}  # fmt: skip


def imported_by(*arguments: str, blocked: str = "", code: int = 0) -> set[str]:
    """The top-level modules a command imports."""
    program = (
        "import sys\n"
        f"for name in {blocked!r}.split(): sys.modules[name] = None\n"
        f"sys.argv = ['slp', *{list(arguments)!r}]\n"
        "from slp_cli.main import main\n"
        "try: main()\n"
        f"except SystemExit as end: assert (end.code or 0) == {code}, end.code\n"
        "print(*{name.partition('.')[0] for name, m in sys.modules.items() if m}, sep='\\n',"
        " file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["plugins"], ["plugins", "list"], ["train", "--help"], ["--version"]]
)
def test_help_and_plugins_import_nothing_heavy(arguments):
    assert not imported_by(*arguments) & HEAVY


def test_plugins_import_no_part():
    ours = {"slp_encoders", "slp_fusion", "slp_llm", "slp_train"}
    assert not imported_by("plugins") & ours


def test_checking_every_recipe_imports_nothing_heavy(root: Path):
    recipes = sorted(map(str, (root / "recipes").rglob("*.toml")))
    assert recipes
    assert not imported_by("check", *recipes) & HEAVY


def test_checking_works_where_torch_is_not_installed(root: Path):
    recipe = str(root / "recipes/quickstart.toml")
    imported_by("check", recipe, blocked="torch transformers numpy")


def test_showing_a_part_works_where_torch_is_not_installed():
    imported_by("plugins", "show", "clip", blocked="torch transformers numpy")


def test_every_spec_loads_without_torch():
    program = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'numpy'): sys.modules[name] = None\n"
        "from slp_core import registry\n"
        "for entry in registry.entries(): entry.load()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
