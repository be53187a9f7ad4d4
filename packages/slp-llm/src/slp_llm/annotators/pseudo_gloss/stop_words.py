"""Words that signing leaves out: articles, prepositions, conjunctions, and the forms of the
auxiliary verbs be, have, do (German: sein, haben, werden). Pronouns and negations are signed."""

from __future__ import annotations

_DE = """
der die das den dem des ein eine einen einem einer eines
ab am an ans auf aus bei beim bis durch für gegen im in ins mit nach ohne seit über um unter vom von
vor zu zum zur zwischen
aber als dass denn doch ob oder sondern sowie und weil wenn
bin bist ist sind seid sei war warst waren wart gewesen
habe hast hat haben habt hatte hatten gehabt
werde wirst wird werden werdet wurde wurden worden
"""
_EN = """
a an the
about against at between by for from in into of off on onto over since than through to under until
with within without
and as because but if or so that though when whether while
am are be been being is was were
do does did has have had having
"""
STOP_WORDS = {"de": frozenset(_DE.split()), "en": frozenset(_EN.split())}
