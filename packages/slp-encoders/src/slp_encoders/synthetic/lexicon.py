"""The lexicon: sixty signs, the minimal pairs among them, and the names that are spelled."""

from __future__ import annotations

from itertools import combinations

from attrs import frozen

PARAMETERS = ("handshape", "location", "movement", "mouthing")


@frozen
class Sign:
    """A bundle of the four parameters; a two-handed sign is its own mirror image."""

    gloss: str
    slot: str  #: the place in the grammar that the sign can fill
    handshape: str
    location: str
    movement: str
    mouthing: tuple[str, ...]
    two_handed: bool = False


_TABLE = """
TODAY     time      Y     chest    nod            o-e
TOMORROW  time      Y     forehead nod            o-e
TONIGHT   time      bent  chest    arc-in         u-t
MORNING   time      B     cheek    arc-out        m-o-m
EVENING   time      B     cheek    arc-in         m-o-m
MONDAY    time      M     chin     circle         t-e-i
FRIDAY    time      F     chin     circle         t-e-i
SUNDAY    time      S     chin     circle         t-e-i
WEEKEND   time      W     shoulder down           i-e
SOON      time      X     side     nod            u
NORTH     place     B     neutral  up             o-t
SOUTH     place     B     neutral  down           o-t
EAST      place     D     side     out            e-t
WEST      place     D     side     in             e-t
COAST     place     C     waist    zigzag-down    o-sh-t
ISLAND    place     I     waist    circle         a-i
MOUNTAIN  place     bent  side     arc-out        a-u         two
VALLEY    place     bent  waist    arc-out        a-u         two
CITY      place     A     neutral  nod            i-t-i       two
VILLAGE   place     A     neutral  nod            u-a         two
FOREST    place     5     forehead shake          f-o
RIVER     place     R     chest    zigzag-up      i-f
RAIN      weather   claw  neutral  zigzag-down    e-m         two
SNOW      weather   5     neutral  zigzag-down    e-m         two
HAIL      weather   S     side     nod            a-e         two
SLEET     weather   V     waist    zigzag-down    t-i         two
CLOUD     weather   C     cheek    counter-circle a-u         two
FOG       weather   C     cheek    counter-circle o-f         two
SUN       weather   O     forehead circle         u-m
THUNDER   weather   Z     side     zigzag-down    a-m
FROST     weather   X     side     in             f-o         two
ICE       weather   X     waist    in             f-o         two
SHOWER    weather   bent  forehead down           sh-a
DRIZZLE   weather   4     cheek    down           i-t
DEW       weather   F     waist    up             sh-u        two
LITTLE    degree    3     neutral  in             i-e         two
MUCH      degree    3     neutral  out            i-e         two
BRIEF     degree    G     chest    hold           i-f
LOCAL     degree    G     chest    hold           o-a
LASTING   degree    Y     shoulder out            a-t
NOT       modal     D     chin     shake          m-o
MAYBE     modal     B     waist    nod            m-e-i       two
THEN      then      L     chest    arc-out        e-m
HIGH      system    H     cheek    hold           a-i
LOW       system    H     chest    hold           a-i
STORM     system    claw  side     counter-circle sh-o        two
WIND      wind      4     side     shake          u-i-t       two
WEAK      strength  I     chest    up             a
STRONG    strength  S     chest    up             a
GUSTY     strength  S     chest    up             u-i
DEGREES   degrees   O     cheek    hold           e-a
MINUS     minus     U     neutral  out            i-u
TWO       number    V     shoulder hold           t-u
FOUR      number    4     shoulder hold           f-o
SIX       number    W     shoulder hold           i-sh
EIGHT     number    3     side     hold           e-t
TEN       number    A     shoulder shake          t-e
FIFTEEN   number    5     side     nod            f-i
TWENTY    number    L     shoulder circle         e-t-i
THIRTY    number    3     shoulder circle         e-t-i
"""


def _read(line: str) -> Sign:
    gloss, slot, handshape, location, movement, mouthing, *two = line.split()
    return Sign(gloss, slot, handshape, location, movement, tuple(mouthing.split("-")), bool(two))


LEXICON: dict[str, Sign] = {sign.gloss: sign for sign in map(_read, _TABLE.strip().splitlines())}


def differences(one: Sign, other: Sign) -> list[str]:
    """The parameters in which two signs differ (the number of hands counts as one)."""
    names = (*PARAMETERS, "two_handed")
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def _minimal_pairs() -> dict[str, tuple[tuple[str, str], ...]]:
    pairs: dict[str, list[tuple[str, str]]] = {parameter: [] for parameter in PARAMETERS}
    for one, other in combinations(LEXICON.values(), 2):
        differing = differences(one, other)
        if len(differing) == 1 and one.slot == other.slot:
            pairs[differing[0]].append((one.gloss, other.gloss))
    return {parameter: tuple(found) for parameter, found in pairs.items()}


#: by parameter: signs of one slot that differ in that parameter alone
MINIMAL_PAIRS: dict[str, tuple[tuple[str, str], ...]] = _minimal_pairs()

_NAMES = """
ANNA CINDY EMIL FABIAN HUGO JUTTA OSKAR PETRA QUIRIN WILMA XAVER ZOE
BJARNE HELGA LEO FANNY SOPHIE RITA ALBERT MARTHA CHLOE LYDIA LOTHAR SIMON DANIEL KEVIN FRANZ
BEATE FRIDA MILA EVA AMELIE MONA CARSTEN PHILIP GABI DAVID TAMARA HENRY URSULA NADJA CARLA GERD
GUIDO ROSA REGINA LENA GEORG ALFRED KARIN BERND AGNES ZENO SABINE SAMUEL OLAF BENNO WILLI BRITTA
RUTH GUSTAV ALMA KATJA JURI LEA PIA VERA ZARA JENS EDGAR GISELA BRUNO EDITH VOLKER SVEN ELKE
ELVIRA BARBARA IDA JAKOB NORA YVONNE LUZIE HEIDI JOHN RUDI DENNIS DARIA JULIA CELINE ANJA ESTHER
DIANA QUENTIN INGO NINA ADELE KURT LINDA GINA ASTRID ADRIAN WALTER ANDREA DORIS YANNIS HARALD
HOLGER JONAS CYRIL LARS KNUT ERNA VICTOR FLORA ROBERT JUDITH HILDE EUGEN LOUIS ANTON MAURICE
THEO ERICH BIRGIT XENIA WERNER MAGDA JOEL SASKIA DIRK OLGA KONRAD AXEL MORITZ VALERIE ELIAS
BERTA IVAN HANNA MARC TOBIAS KIRA OTTO UWE WANDA JANA ARNO RALF NICO
"""
#: the names that are spelled, as many of them as a corpus wants; the first twelve hold all letters
NAMES = tuple(_NAMES.split())
FEW_NAMES, MOST_NAMES = 12, len(NAMES)

#: others of the same letters, for held-out sentences where training is not to know the names
UNSEEN_NAMES = (
    "BODO", "CLARA", "DAGMAR", "EGON", "FELIX", "GRETA",
    "IRIS", "JANNIK", "KLAUS", "MAX", "PAUL", "SYLVIA",
)  # fmt: skip


def by_slot(slot: str) -> tuple[Sign, ...]:
    """The signs that can fill a place of the grammar."""
    return tuple(sign for sign in LEXICON.values() if sign.slot == slot)
