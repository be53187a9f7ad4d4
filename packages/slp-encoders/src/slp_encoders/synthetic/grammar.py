"""The grammar: what is meant, how it is signed, and how English and German say it.

Signed order is TIME PLACE event, with the weather before its degree and the question of whether
it happens last; articles, prepositions and most verbs are never signed. A meaning has exactly one
signed form, one English and one German sentence, so that a model that sees every sign can be
right about every word.
"""

from __future__ import annotations

from random import Random

from attrs import frozen

from slp_encoders.synthetic.lexicon import FEW_NAMES, LEXICON, NAMES, UNSEEN_NAMES, Sign, by_slot

_TIMES = {
    "TODAY": ("today", "heute"),
    "TOMORROW": ("tomorrow", "morgen"),
    "TONIGHT": ("tonight", "heute nacht"),
    "MORNING": ("in the morning", "am morgen"),
    "EVENING": ("in the evening", "am abend"),
    "MONDAY": ("on monday", "am montag"),
    "FRIDAY": ("on friday", "am freitag"),
    "SUNDAY": ("on sunday", "am sonntag"),
    "WEEKEND": ("at the weekend", "am wochenende"),
    "SOON": ("soon", "bald"),
}
_PLACES = {
    "NORTH": ("in the north", "im norden"),
    "SOUTH": ("in the south", "im süden"),
    "EAST": ("in the east", "im osten"),
    "WEST": ("in the west", "im westen"),
    "COAST": ("on the coast", "an der küste"),
    "ISLAND": ("on the islands", "auf den inseln"),
    "MOUNTAIN": ("in the mountains", "in den bergen"),
    "VALLEY": ("in the valleys", "in den tälern"),
    "CITY": ("in the cities", "in den städten"),
    "VILLAGE": ("in the villages", "in den dörfern"),
    "FOREST": ("in the forests", "in den wäldern"),
    "RIVER": ("along the rivers", "an den flüssen"),
}
_FROM = {
    "NORTH": ("the north", "norden"),
    "SOUTH": ("the south", "süden"),
    "EAST": ("the east", "osten"),
    "WEST": ("the west", "westen"),
}
_WEATHERS = {
    "RAIN": ("rain", "regen", "keinen"),
    "SNOW": ("snow", "schnee", "keinen"),
    "HAIL": ("hail", "hagel", "keinen"),
    "SLEET": ("sleet", "schneeregen", "keinen"),
    "CLOUD": ("cloud", "bewölkung", "keine"),
    "FOG": ("fog", "nebel", "keinen"),
    "SUN": ("sunshine", "sonne", "keine"),
    "THUNDER": ("thunder", "donner", "keinen"),
    "FROST": ("frost", "frost", "keinen"),
    "ICE": ("ice", "eis", "kein"),
    "SHOWER": ("showery weather", "schauerwetter", "kein"),
    "DRIZZLE": ("drizzle", "nieselregen", "keinen"),
    "DEW": ("dew", "tau", "keinen"),
}
_EVENTS = {
    "LITTLE": ("a little {weather} is likely", "ist {place} etwas {weather} zu erwarten"),
    "MUCH": ("we will get a lot of {weather}", "bekommen wir {place} viel {weather}"),
    "BRIEF": ("{weather} passes through quickly", "zieht {place} rasch {weather} durch"),
    "LOCAL": ("some spots see {weather}", "gibt es {place} stellenweise {weather}"),
    "LASTING": ("{weather} stays for hours", "hält sich {place} stundenlang {weather}"),
    "NOT": ("there will be no {weather}", "wird es {place} {none} {weather} geben"),
    "MAYBE": ("perhaps {weather} develops", "bildet sich {place} vielleicht {weather}"),
}
_SYSTEMS = {"HIGH": ("high", "hoch"), "LOW": ("low", "tief"), "STORM": ("storm", "sturm")}
_STRENGTHS = {
    "WEAK": ("weak", "schwacher"),
    "STRONG": ("strong", "starker"),
    "GUSTY": ("gusty", "böiger"),
}
_NUMBERS = {
    "TWO": ("two", "zwei"),
    "FOUR": ("four", "vier"),
    "SIX": ("six", "sechs"),
    "EIGHT": ("eight", "acht"),
    "TEN": ("ten", "zehn"),
    "FIFTEEN": ("fifteen", "fünfzehn"),
    "TWENTY": ("twenty", "zwanzig"),
    "THIRTY": ("thirty", "dreißig"),
}
NAMES_SHARE = 0.2  #: of the sentences speak of a name, where nobody says otherwise
_WARM = ("FIFTEEN", "TWENTY", "THIRTY")  # never below zero


@frozen
class Name:
    """A name spelled letter by letter."""

    letters: str

    @property
    def gloss(self) -> str:
        return f"fs-{self.letters}"


Unit = Sign | Name


@frozen
class Sentence:
    """What is signed, in order, and its translations."""

    units: tuple[Unit, ...]
    text: str  #: English
    text_de: str  #: German

    @property
    def glosses(self) -> tuple[str, ...]:
        return tuple(unit.gloss for unit in self.units)

    @property
    def items(self) -> frozenset[str]:
        """All that has to be known to understand the sentence: its glosses and its words."""
        return frozenset((*self.glosses, *self.text.split(), *self.text_de.split()))


def _pick(random: Random, slot: str) -> str:
    return random.choice(by_slot(slot)).gloss


def _temperature(random: Random) -> tuple[list[str], str, str]:
    number = _pick(random, "number")
    minus = number not in _WARM and random.random() < 0.5
    english, german = _NUMBERS[number]
    signed = ["DEGREES", *(["MINUS"] if minus else []), number]
    sign = "minus " if minus else ""
    return signed, f"{sign}{english} degrees", f"{sign}{german} grad"


def _wind(random: Random) -> tuple[list[str], tuple[str, str], tuple[str, str]]:
    direction, strength = random.choice(list(_FROM)), _pick(random, "strength")
    return ["WIND", direction, strength], _FROM[direction], _STRENGTHS[strength]


def _afterthought(random: Random) -> tuple[list[str], str, str]:
    """A second clause about the temperature or the wind, or none."""
    kind = random.random()
    if kind < 0.35:
        signed, english, german = _temperature(random)
        return signed, f" at {english}", f" bei {german}"
    if kind < 0.7:
        signed, (source, quelle), (strength, stark) = _wind(random)
        return (
            signed,
            f" and {strength} wind from {source}",
            f" und {stark} wind aus {quelle}",
        )
    return [], "", ""


def draw(
    random: Random, names: float = NAMES_SHARE, spelled: tuple[str, ...] = NAMES[:FEW_NAMES]
) -> Sentence:
    """Draw a sentence; so many of all speak of a name, one of those ``spelled``."""
    time, place, weather = (_pick(random, slot) for slot in ("time", "place", "weather"))
    (when, wann), (where, wo) = _TIMES[time], _PLACES[place]
    (noun, wetter, none) = _WEATHERS[weather]
    more, and_, und = _afterthought(random)
    kind = random.random()
    if kind < names:  # a named system
        system, name = _pick(random, "system"), random.choice(spelled)
        (english, german), called = _SYSTEMS[system], name.lower()
        signed = [time, system, f"fs-{name}", place, weather]
        text = f"{english} {called} brings {noun}"
        text_de = f"bringt {german} {called} {wo} {wetter}"
    elif _among_others(kind, names) < 0.65:  # how much, how long, whether
        degree = random.choice(list(_EVENTS))
        signed = [time, place, weather, degree]
        text = _EVENTS[degree][0].format(weather=noun)
        text_de = _EVENTS[degree][1].format(weather=wetter, place=wo, none=none)
    elif _among_others(kind, names) < 0.8:  # a change
        other = random.choice([sign.gloss for sign in by_slot("weather") if sign.gloss != weather])
        signed = [time, place, weather, "THEN", other]
        text = f"{noun} turns into {_WEATHERS[other][0]}"
        text_de = f"geht {wo} {wetter} in {_WEATHERS[other][1]} über"
    elif _among_others(kind, names) < 0.9:  # the temperature
        said, english, german = _temperature(random)
        signed, more, and_, und = [time, place, *said], [], "", ""
        text, text_de = f"it reaches {english}", f"werden {wo} {german} erreicht"
    else:  # the wind
        said, (source, quelle), (strength, stark) = _wind(random)
        signed, more, and_, und = [time, place, *said], [], "", ""
        text = f"{strength} wind blows from {source}"
        text_de = f"kommt {wo} {stark} wind aus {quelle}"
    units = tuple(
        Name(gloss.removeprefix("fs-")) if gloss.startswith("fs-") else LEXICON[gloss]
        for gloss in (*signed, *more)
    )
    return Sentence(units, f"{text} {where} {when}{and_} .", f"{wann} {text_de}{und} .")


def _among_others(kind: float, names: float) -> float:
    """A draw that is of no name, as if the usual share of sentences had one."""
    if names == NAMES_SHARE:
        return kind
    return NAMES_SHARE + (kind - names) * (1 - NAMES_SHARE) / (1 - names)


def split_sentences(
    random: Random,
    train: int,
    validation: int,
    test: int,
    names: float = NAMES_SHARE,
    distinct_names: int = FEW_NAMES,
    unseen_names: bool = False,
) -> dict[str, list[Sentence]]:
    """Draw sentences so that held-out ones recombine what the training sentences are made of.

    No two sentences share their text; every gloss and word of a held-out sentence occurs in a
    training sentence, but for its name where those are ``unseen_names``. While something has not
    occurred yet, the training sentence is the one of several candidates that shows most of it.
    """
    texts: set[str] = set()
    known: set[str] = set()
    drawn: dict[str, list[Sentence]] = {"train": [], "validation": [], "test": []}

    def new(spelled: tuple[str, ...]) -> Sentence:
        sentence = draw(random, names, spelled)
        while sentence.text in texts:
            sentence = draw(random, names, spelled)
        return sentence

    learnt = NAMES[:distinct_names]
    everything = frozenset(LEXICON) | {Name(name).gloss for name in learnt}
    for _ in range(train):
        wanted = everything - known
        candidates = [new(learnt) for _ in range(16 if wanted else 1)]
        sentence = max(candidates, key=lambda candidate: len(candidate.items & wanted))
        drawn["train"].append(sentence)
        known |= sentence.items
        texts.add(sentence.text)
    if unseen_names:
        known |= {word for name in UNSEEN_NAMES for word in (Name(name).gloss, name.lower())}
    for split, count in (("validation", validation), ("test", test)):
        while len(drawn[split]) < count:
            sentence = new(UNSEEN_NAMES if unseen_names else learnt)
            if sentence.items <= known:
                drawn[split].append(sentence)
                texts.add(sentence.text)
    return drawn
