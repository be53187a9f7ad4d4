"""A trained run's card, as its reader would try it, and ``slp push``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from slp_cli.commands.push import command as push
from slp_cli.commands.translate import command as translate
from slp_core import hub
from slp_core.errors import UserError
from slp_core.pipeline import FILES, Pipeline


def test_what_the_card_says_is_how_to_use_it_works(home, slp, monkeypatch, capsys):
    done = slp("card", "runs/quickstart")
    assert done.stdout.strip() == "runs/quickstart/pipeline/README.md"
    assert "runs/quickstart/card.toml: sign_languages, domain, " in done.stderr
    card = (home / done.stdout.strip()).read_text(encoding="utf-8")
    assert re.search(r"\| Signers in the data \| not described; train: \d+; ", card)
    monkeypatch.chdir(home)
    (python,) = re.findall(r"```python\n(.*?)```", card, re.S)
    made: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(python, "card", "exec"), made)
    assert made["pipeline"].card == card
    (line,) = re.findall(r"```bash\nslp translate (.*?)\n```", card)
    assert CliRunner().invoke(translate, line.split()).stdout == capsys.readouterr().out


def test_push_renders_the_card_for_the_name_it_gets(home, monkeypatch):
    pushed: dict[str, str] = {}

    def take(folder: Path, repo: str, **told: object) -> str:
        assert told["files"] == FILES and told["private"] is True and told["revision"] == "v1"
        pushed.update({file.name: file.read_text(errors="replace") for file in folder.iterdir()
                       if file.is_file()})  # fmt: skip
        return f"https://huggingface.co/{repo}"

    monkeypatch.setattr(hub, "push", take)
    monkeypatch.chdir(home)
    done = CliRunner().invoke(
        push, ["runs/quickstart", "someone/tiny", "--private", "--revision", "v1"]
    )
    assert done.exception is None, done.output
    assert done.stdout == "https://huggingface.co/someone/tiny\n"
    assert "not stated in the card: sign_languages" in done.stderr
    assert 'from_pretrained("someone/tiny")' in pushed["README.md"]
    assert "slp translate someone/tiny clip.pose" in pushed["README.md"]
    assert set(pushed) >= {"recipe.toml", "model.safetensors", "parts.json", "README.md"}
    by_hand = home / "runs/quickstart/pipeline/README.md"
    by_hand.write_text("# My own\n")
    try:
        done = CliRunner().invoke(push, ["runs/quickstart", "a/b", "--private", "--revision", "v1"])
        assert done.exception is None and pushed["README.md"] == "# My own\n"
    finally:
        by_hand.unlink()


@pytest.mark.parametrize(
    ("file", "told", "outcome"),
    [
        ("config.json", {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}},
         pytest.raises(UserError, match="decoder: is no encoder-decoder of a saved pipeline")),
        ("tokenizer_config.json", {"tokenizer_class": "Evil",
                                   "auto_map": {"AutoTokenizer": ["evil.Evil", None]}},
         nullcontext()),  # tokenizer.json alone is read
    ],
)  # fmt: skip
def test_what_a_stranger_pushed_runs_no_code(home, tmp_path, monkeypatch, file, told, outcome):
    saved, mark = tmp_path / "saved", tmp_path / "it ran"
    shutil.copytree(home / "runs/quickstart/pipeline", saved)
    assets = saved / "assets/decoder"
    (assets / "evil.py").write_text(f"open({str(mark)!r}, 'w')\nclass Evil: ...\n")
    written = json.loads((assets / file).read_text())
    (assets / file).write_text(json.dumps({**written, **told}))
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # as one who agrees to all that is asked
    with outcome:
        Pipeline.from_pretrained(saved)
    assert not mark.exists()


@pytest.mark.parametrize("arguments", [["card"], ["push"]])
def test_help_imports_no_network_library(arguments):
    program = (
        "import sys; from slp_cli.main import cli\n"
        f"try: cli([*{arguments!r}, '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'huggingface_hub', 'jinja2', 'yaml'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
