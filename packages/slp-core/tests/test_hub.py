"""Pipelines to the hub and back, against a server on this machine that speaks its protocol."""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import torch
from huggingface_hub import constants

from slp_core.build import build
from slp_core.confidence import Calibration
from slp_core.errors import MissingWeights, UserError
from slp_core.hub import no_checkpoint
from slp_core.manifest import read_manifest
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe

REPO = "someone/toy"
CARD = "---\nlicense: mit\n---\n# Toy\n"


class Hub(BaseHTTPRequestHandler):
    """The endpoints that making, filling, listing and reading a repository need."""

    repos: dict[str, dict[str, dict[str, bytes]]]  # name to revision to path to content
    read: list[str]

    def do_POST(self) -> None:
        path, told = self.asked()
        if path == "/api/repos/create":
            name = f"{told['organization']}/{told['name']}"
            self.repos.setdefault(name, {"main": {}})
            return self.give({"url": f"{constants.ENDPOINT}/{name}"})
        if path == "/api/validate-yaml":
            bad = [{"message": '"license" must be known'}] if "license: bad" in str(told) else []
            return self.give({"errors": bad, "warnings": []}, status=400 if bad else 200)
        _, _, _, owner, name, verb, *revision = path.split("/")
        repo = self.repos[f"{owner}/{name}"]
        if verb == "branch":
            repo.setdefault(revision[0], dict(repo["main"]))
            return self.give({})
        if verb == "preupload":
            files = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for one in told["files"]]  # fmt: skip
            return self.give({"files": files})
        for line in told:  # a commit
            value = line["value"]
            if line["key"] == "file":
                repo[revision[0]][value["path"]] = b64decode(value["content"])
            if line["key"] == "deletedFile":
                del repo[revision[0]][value["path"]]
        url = f"{constants.ENDPOINT}/{owner}/{name}/commit/{self.commit(repo, revision[0])}"
        return self.give({"commitUrl": url, "commitOid": "0" * 40, "success": True})

    def do_GET(self) -> None:
        path, _ = self.asked()
        words = path.split("/")
        owner, name = words[3:5] if words[1] == "api" else words[1:3]
        repo = self.repos.get(f"{owner}/{name}")
        if repo is None:
            return self.refuse("RepoNotFound")
        commits = {self.commit(repo, one): one for one in repo}
        revision = words[6] if words[5:6] in (["revision"], ["tree"]) else "main"
        revision = words[4] if words[3] == "resolve" else revision
        revision = commits.get(revision, revision)
        if revision not in repo:
            return self.refuse("RevisionNotFound")
        files, commit = repo[revision], self.commit(repo, revision)
        if words[3] == "resolve":
            file = "/".join(words[5:])
            self.read += [file] if self.command == "GET" else []
            headers = {"X-Repo-Commit": commit, "ETag": f'"{sha1(files[file]).hexdigest()}"'}
            return self.give(files[file], headers)
        listed = [{"type": "file", "path": one, "size": len(content),
                   "oid": sha1(content).hexdigest()} for one, content in files.items()]  # fmt: skip
        if words[5:6] == ["tree"]:
            return self.give(listed)
        siblings = [{"rfilename": one} for one in files]
        return self.give({"id": f"{owner}/{name}", "sha": commit, "siblings": siblings})

    do_HEAD = do_GET  # noqa: N815 (so the base class asks for it)

    def asked(self) -> tuple[str, Any]:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if "ndjson" in (self.headers.get("Content-Type") or ""):
            told: Any = [json.loads(line) for line in content.splitlines()]
        else:
            told = json.loads(content or "null")
        return unquote(urlsplit(self.path).path), told

    def give(self, what: Any, headers: dict[str, str] | None = None, status: int = 200) -> None:
        content = what if isinstance(what, bytes) else json.dumps(what).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, code: str) -> None:
        self.give({"error": code}, {"X-Error-Code": code}, 404)

    @staticmethod
    def commit(repo: dict[str, dict[str, bytes]], revision: str) -> str:
        content = b"".join(k.encode() + v for k, v in sorted(repo.get(revision, {}).items()))
        return sha1(revision.encode() + content).hexdigest()

    def log_message(self, *_: Any) -> None: ...


def move(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Have the library ask another server, as HF_ENDPOINT does before it is imported."""
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[type[Hub]]:
    """An empty hub, an empty cache, and nobody who is logged in."""
    handler = type("OneHub", (Hub,), {"repos": {}, "read": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    move(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HF_TOKEN", "hf_nobodys")
    monkeypatch.chdir(tmp_path)
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def pipeline(toy, recipe_text, toy_data) -> Pipeline:
    made = build(parse_recipe(recipe_text), train=read_manifest(toy_data))
    made.calibration = Calibration([0.2, 0.9], [0.1, 0.5], "chrF", "validation", 60, {})
    made.card = CARD
    return made


def test_pushed_and_fetched_it_is_the_same(hub, pipeline, toy_data):
    assert pipeline.push_to_hub(REPO).endswith(REPO)
    hub.repos[REPO]["main"] |= {"evil.py": b"raise SystemExit", "assets/decoder/evil.pkl": b"!",
                                "videos/b.mp4": b"not ours"}  # fmt: skip
    opened = Pipeline.from_pretrained(REPO)
    ours, theirs = pipeline.state_dict(), opened.state_dict()
    assert ours.keys() == theirs.keys() and len(ours) > 0
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert opened.recipe.to_toml() == pipeline.recipe.to_toml()
    assert opened.decoder.heard == ["drei", "eins", "zwei"]
    assert opened.calibration == pipeline.calibration and opened.card == CARD
    assert opened.translate(toy_data.parent / "b.txt").expected == 0.5
    assert sorted(hub.read) == ["README.md", "assets/decoder/heard.txt", "confidence.json",
                                "model.safetensors", "parts.json", "recipe.toml"]  # fmt: skip


def test_what_was_fetched_opens_without_the_hub(hub, pipeline, monkeypatch):
    pipeline.push_to_hub(REPO)
    Pipeline.from_pretrained(REPO)
    move(monkeypatch, "http://127.0.0.1:9")
    assert Pipeline.from_pretrained(REPO).card == CARD
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert Pipeline.from_pretrained(REPO).card == CARD


def test_a_revision_is_another_pipeline(hub, pipeline):
    pipeline.push_to_hub(REPO)
    pipeline.card = "another"
    pipeline.push_to_hub(REPO, revision="v2")
    assert Pipeline.from_pretrained(REPO).card == CARD
    assert Pipeline.from_pretrained(REPO, revision="v2").card == "another"
    with pytest.raises(UserError, match="has no revision v3"):
        Pipeline.from_pretrained(REPO, revision="v3")


def test_pushed_again_what_is_gone_is_deleted(hub, pipeline):
    pipeline.push_to_hub(REPO)
    hub.repos[REPO]["main"]["LICENSE"] = b"mine"
    pipeline.calibration = None
    pipeline.push_to_hub(REPO)
    left = hub.repos[REPO]["main"]
    assert "confidence.json" not in left and left["LICENSE"] == b"mine"
    assert Pipeline.from_pretrained(REPO).calibration is None


def test_a_folder_comes_before_the_hub(hub, pipeline, tmp_path):
    pipeline.push_to_hub(REPO)
    pipeline.card = "here"
    pipeline.save(tmp_path / REPO)
    assert Pipeline.from_pretrained(REPO).card == "here"
    with pytest.raises(UserError, match=f"{REPO}: is a folder here"):
        Pipeline.from_pretrained(REPO, revision="main")
    recipe = str(tmp_path / REPO / "recipe.toml")
    with pytest.raises(UserError, match=f"{recipe}: is a file; the folder of a saved pipeline"):
        Pipeline.from_pretrained(recipe)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("runs/absent", r"there is no such folder; on the Hugging Face hub there is none of that"),
        ("absent", r"there is no such folder, and it is no name on the Hugging Face hub"),
        ("/runs/of/mine", r"there is no such folder, and it is no name on the Hugging Face hub"),
        ("../up", r"there is no such folder, and it is no name on the Hugging Face hub"),
    ],
)
def test_what_is_nowhere_is_told_of_both_places(hub, name, said):
    with pytest.raises(UserError, match=f"^{name}: {said}"):
        Pipeline.from_pretrained(name)


def test_without_a_network_that_is_said(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"no such folder; the Hugging Face hub cannot be reached"):
        Pipeline.from_pretrained("runs/absent")


def test_only_a_pipeline_with_a_card_is_pushed_and_only_to_a_name(hub, pipeline):
    with pytest.raises(UserError, match="OWNER/NAME is expected"):
        pipeline.push_to_hub("toy")
    pipeline.card = None
    with pytest.raises(UserError, match="slp card RUN"):
        pipeline.push_to_hub(REPO)
    assert hub.repos == {}


def test_a_hub_that_takes_nothing_is_told(hub, pipeline, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="cannot be pushed to the Hugging Face hub: .*Offline"):
        pipeline.push_to_hub(REPO)


def test_a_card_that_the_hub_refuses_is_told(hub, pipeline):
    pipeline.card = CARD.replace("mit", "bad")
    with pytest.raises(UserError, match='cannot be pushed .*"license" must be known'):
        pipeline.push_to_hub(REPO)
    assert hub.repos[REPO]["main"] == {}


def test_without_the_hubs_library_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"^absent/one: .*uv pip install 'slp-core\[hub\]'"):
        Pipeline.from_pretrained("absent/one")


def test_a_repository_that_holds_no_pipeline_is_told(hub):
    hub.repos[REPO] = {"main": {"README.md": b"# A picture classifier"}}
    with pytest.raises(UserError, match=rf"{REPO}: is no saved pipeline .*recipe.toml missing"):
        Pipeline.from_pretrained(REPO)


def test_a_part_that_is_not_installed_is_told_with_its_package(hub, pipeline):
    pipeline.push_to_hub(REPO)
    files = hub.repos[REPO]["main"]
    parts = json.loads(files["parts.json"])
    assert parts["streams.hands.mapper"] == {"kind": "mapper", "part": "toy-linear",
                                             "package": "toy-parts", "version": "1.0"}  # fmt: skip
    parts["streams.hands.mapper"] |= {"part": "spin", "package": "slp-spin", "version": "2.1"}
    files["parts.json"] = json.dumps(parts).encode()
    files["recipe.toml"] = files["recipe.toml"].replace(b"toy-linear", b"spin")
    with pytest.raises(
        UserError,
        match=rf"^{REPO}: it was saved with slp-spin 2.1, which is not installed and registers "
        r'streams.hands.mapper \(the mapper "spin"\)$',
    ):
        Pipeline.from_pretrained(REPO)
    del files["parts.json"]
    with pytest.raises(UserError, match='no mapper "spin"'):
        Pipeline.from_pretrained(REPO)


@pytest.mark.parametrize(
    ("name", "todo"),
    [
        ("{folder}", "the folder must hold what `save_pretrained` writes"),
        ("{folder}/absent", "there is no such folder, and it is no name"),
        ("./absent", "there is no such folder, and it is no name"),
        ("a/b/c", "there is no such folder, and it is no name"),
        ("an/llm", "with a network, `hf download an/llm config.json` puts it there"),
        ("gpt2", "with a network, `hf download gpt2 config.json` puts it there"),
    ],
)
def test_what_to_do_about_a_checkpoint_that_is_not_there(tmp_path, name, todo):
    name = name.format(folder=tmp_path)
    error = no_checkpoint("LM", name, "decoder.model", OSError("no file.\nmore"), "config.json")
    assert str(error).startswith(f"decoder.model: the LM {name} cannot be loaded: ")
    assert todo in str(error) and ("no file;" in str(error)) == ("no such folder" not in todo)
    assert isinstance(error, MissingWeights) == ("hf download" in todo)
