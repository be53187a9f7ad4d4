"""Names of a translation against what was spelled."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from slp_core.ctc import Transcriber, Units
from slp_core.hooks import hooks
from slp_core.parts import Translation
from slp_llm.names import NEAR, Finding, _distance, _sound, check_names

KNOWN = ["ANNA", "LEA", "OTTO", "ZOE"]
CASES = [
    # text, letters, known names, findings (spelled, said, offer), the text that is offered
    ("anna comes .", "ANNA", KNOWN, [], None),
    ("anna comes .", "ANA", KNOWN, [], None),  # CTC lost a doubled letter
    ("Zoë comes.", "ZOE", [], [], None),
    ("it rains .", "", KNOWN, [], None),
    ("It rains on Monday.", "", KNOWN, [], None),  # a capital, and no name that is known
    # another name stands there
    ("lea comes .", "ANNA", KNOWN, [("ANNA", "lea", "anna")], "anna comes ."),
    ("lea comes .", "ANA", KNOWN, [("ANA", "lea", "anna")], "anna comes ."),  # as it is known
    ("lea meets lea .", "OTTO", KNOWN, [("OTTO", "lea", "otto")], "otto meets otto ."),
    ("We saw Lea.", "ANNA", KNOWN, [("ANNA", "Lea", "Anna")], "We saw Anna."),
    ("WE SAW LEA", "ANNA", KNOWN, [("ANNA", "LEA", "ANNA")], "WE SAW ANNA"),
    # names that training never spelled
    ("lea comes .", "XAVER", KNOWN, [("XAVER", "lea", "xaver")], "xaver comes ."),
    ("We saw Selma.", "SELINA", KNOWN, [("SELINA", "Selma", "Selina")], "We saw Selina."),
    ("Selma comes.", "SELINA", [], [("SELINA", "Selma", "Selina")], "Selina comes."),
    # what resembles a known name may be misread: told, not offered
    ("lea comes .", "LENA", KNOWN, [("LENA", "lea", None)], None),
    ("otto comes .", "OTPO", KNOWN, [("OTPO", "otto", None)], None),
    # no name can be it: unlike any word with a capital, or there is none
    ("We saw Regen.", "ANNA", KNOWN, [("ANNA", None, None)], None),
    ("she comes .", "ANNA", KNOWN, [("ANNA", None, None)], None),
    ("SHE COMES", "ANNA", [], [("ANNA", None, None)], None),
    # names that nobody spelled
    ("lea comes .", "", KNOWN, [(None, "lea", None)], None),
    ("anna and lea .", "ANNA", KNOWN, [(None, "lea", None)], None),
    ("We saw Selma.", "", [], [(None, "Selma", None)], None),
    ("Selma saw us.", "", [], [], None),  # begins a sentence
    ("We saw us. Selma came.", "", [], [], None),
    ("Then I'm where I saw us.", "", [], [], None),  # "I" is no name
    ("We saw I.", "AI", [], [("AI", None, None)], None),
    ("In the U.S., Selma saw us.", "", [], [(None, "Selma", None)], None),
    ("we may come. Then May came.", "", ["MAY"], [(None, "May", None)], None),
    ("We may come.", "", ["MAY"], [], None),
    # two names
    ("anna and zoe .", "ANA ZOE", KNOWN, [], None),
    ("anna and zoe .", "ZOE OTTO", KNOWN, [("OTTO", "anna", "otto")], "otto and zoe ."),
    ("lea meets otto .", "OTTI LEAH", ["OTTO", "LEA", "OTTI", "LEAH"],
     [("OTTI", "otto", "otti"), ("LEAH", "lea", "leah")], "leah meets otti ."),
    ("lea comes .", "ANNA OTTO", KNOWN,
     [("ANNA", "lea", "anna"), ("OTTO", None, None)], "anna comes ."),
    # single letters are noise, and words are said by their letters
    ("it rains .", "A", KNOWN, [], None),
    ("lea's hat .", "LEAS", KNOWN, [], None),
    ("", "ANNA", KNOWN, [("ANNA", None, None)], None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "letters", "names", "findings", "offer"), CASES)
def test_names(text, letters, names, findings, offer):
    found = check_names(text, letters, names, "en")
    assert [(one.spelled, one.said, one.offer) for one in found.findings] == findings
    assert found.offer == offer


@pytest.mark.parametrize("language", ["de", "de-AT", "de_CH", "LB", ""])
def test_where_nouns_have_capitals_none_is_told_for_its_capital(language):
    text = "Morgen kommt mit Meyer der Regen."
    assert check_names(text, "", (), "en").findings == (
        Finding(None, "Meyer"), Finding(None, "Regen"),
    )  # fmt: skip
    assert check_names(text, "", (), language).findings == ()
    assert check_names(text, "MEYER", (), language).findings == ()
    found = check_names(text, "MEIER", (), language)  # the letters tell which noun it is
    assert found.findings == (Finding("MEIER", "Meyer", "Meier"),)
    assert check_names(text, "", ["MEYER"], language).findings == (Finding(None, "Meyer"),)


def test_known_names_may_be_in_any_case():
    for names in (["anna", "lea"], ["Anna", "Lea"], ["ANNA", "LEA"]):
        assert check_names("lea comes .", "ANA", names).offer == "anna comes ."


def test_of_names_that_sound_alike_the_one_that_was_spelled():
    for letters in ("ANA", "ANNA"):
        assert check_names("We saw Lea.", letters, ["ANA", "ANNA", "LEA"]).offer == (
            f"We saw {letters.capitalize()}."
        )


def test_findings_are_told():
    assert [str(one) for one in (Finding("ANA", "lea", "anna"), Finding("LENA", "lea"),
                                 Finding("ANA", None), Finding(None, "lea"))] == [
        '"ANA" was spelled where the text has "lea": offered instead',
        '"LENA" was spelled where the text has "lea": a misreading, or another name',
        '"ANA" was spelled, and no name in the text can be it',
        '"lea" is a name that was not spelled',
    ]  # fmt: skip


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_distance_is_levenshteins(a, b):
    @cache
    def edits(i, j):
        if not i or not j:
            return i + j
        moved = edits(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(moved, edits(i - 1, j) + 1, edits(i, j - 1) + 1)

    assert _distance(a, b) == edits(len(a), len(b)) / max(len(a), len(b), 1)


words = st.text("aAnNlLeE.' ", max_size=20)


@given(words, st.lists(st.sampled_from([*KNOWN, "LENA", "E"]), max_size=3), st.booleans())
def test_what_is_offered_holds_the_name_and_nothing_else_changes(text, letters, listed):
    names = KNOWN if listed else []
    found = check_names(text, " ".join(letters), names)
    offers = [one for one in found.findings if one.offer]
    assert (found.offer is None) == (not offers)
    for one in offers:
        assert _sound(one.offer) == _sound(one.spelled) != _sound(one.said)
    left = found.offer or text
    for one in offers:
        left = left.replace(one.offer, one.said)
    same = text
    for one in offers:  # what stood there by chance is changed back in both
        same = same.replace(one.offer, one.said)
    assert left == same
    again = check_names(found.offer or text, " ".join(letters), names)
    assert not [one for one in again.findings if one.spelled in [o.spelled for o in offers]]


def test_the_threshold_is_what_the_rule_says():
    assert NEAR == 0.5
    assert check_names("We saw Abcd.", "ABXY").offer == "We saw Abxy."
    assert check_names("We saw Abcd.", "AXYZ").offer is None


class Spelling(Transcriber):
    column = "letters"
    units = Units.learn(["ANNA LEA", "", "OTTO"], "char")

    def logits(self, steps):
        """Of no steps: what was read is in the translations already."""


class Unlearnt(Spelling):
    """It knows letters and no names, as one of units that are read in words does."""

    units = Units("char", ("a",))


def ask(translations, *parts, language="en"):
    pipeline = nn.Module()
    pipeline.recipe = SimpleNamespace(data=SimpleNamespace(language=language))
    pipeline.experts = nn.ModuleList([one(SimpleNamespace()) for one in parts])
    verb = hooks().slp_after_translation
    (ours,) = (one for one in verb.get_hookimpls() if one.plugin_name == "slp-llm:stages")
    return ours.function(pipeline, translations)


def test_translations_are_noted_where_an_expert_read_letters():
    said = [
        Translation("lea comes .", 1, transcripts={"experts.0": "ANNA", "decoder.first": "x"}),
        Translation("lea comes .", 1, transcripts={"experts.0": "LEA"}),
        Translation("lea comes .", 1, transcripts={"experts.0": ""}),
        Translation("lea comes .", 1, transcripts={"decoder.first": "ANNA"}),
    ]
    found = [[(one.about, one.offer) for one in notes] for notes in ask(said, Spelling)]
    assert found == [[("names", "anna comes .")], [], [("names", None)], []]
    assert ask(said[:1]) == [[]]  # nothing here reads letters


def test_the_language_is_the_recipes():
    said = [Translation("Dann kommt Regen.", 1, transcripts={"experts.0": ""})]
    told = [len(*ask(said, Unlearnt, language=language)) for language in ("en", "de")]
    assert told == [1, 0]


def test_the_rule_needs_no_torch():
    code = "import sys, slp_llm.names, slp_llm.hooks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
