"""What the author of a pipeline says for its card: ``card.toml``."""

import re

import attrs
import pytest

from slp_core.errors import RecipeError, UserError
from slp_train.card import begin_facts
from slp_train.card.facts import FACTS, Facts, read_facts


def test_facts_are_begun_once_and_every_key_of_them_counts(tmp_path):
    file = begin_facts(tmp_path)
    assert file == tmp_path / FACTS and read_facts(tmp_path) == Facts()
    begun = file.read_text()
    keys = re.findall(r"^# (\w+) = ", begun, re.M)
    assert len(keys) == len(set(keys)) == 19
    file.write_text(re.sub(r"^# (\w+ =|\[\[)", r"\1", begun, flags=re.M))
    opened = read_facts(tmp_path)
    assert all(attrs.astuple(opened)) and all(attrs.astuple(opened.evaluations[0]))
    assert opened.sign_languages == ["gsg"] and opened.evaluations[0].date == "2026-01-31"
    written = file.read_bytes()
    assert begin_facts(tmp_path) == file and file.read_bytes() == written


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('domain = "a"\nlicense = "mit"', r'card.toml:2: license: .* did you mean "licence"'),
        ("domain = 3", r"card.toml:1: domain: 3 was written, a string is expected"),
        ('sign_languages = ["German"]', r"card.toml:1: sign_languages: .*German"),
        ("[[evaluations]]\nwhom = 1", r"card.toml:2: evaluations.0.whom: there is no such key"),
    ],
)
def test_facts_that_cannot_be_read_are_told_with_their_line(tmp_path, written, said):
    (tmp_path / FACTS).write_text(written)
    with pytest.raises(RecipeError, match=said):
        read_facts(tmp_path)


def test_facts_that_are_no_toml_are_told(tmp_path):
    (tmp_path / FACTS).write_text("domain =")
    with pytest.raises(UserError, match=r"card\.toml: is not TOML"):
        read_facts(tmp_path)
    (tmp_path / FACTS).write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"card\.toml: not UTF-8 at byte 0"):
        read_facts(tmp_path)
    (tmp_path / FACTS).write_bytes(b'\xef\xbb\xbfdomain = "weather"')  # as some editors save it
    assert read_facts(tmp_path).domain == "weather"
