"""Official annotation formats into manifests."""

from __future__ import annotations

from pathlib import Path

import pytest

from slp_core.errors import UserError
from slp_core.manifest import read_manifest
from slp_encoders.corpora.csl_daily.importer import CSLDaily
from slp_encoders.corpora.csl_daily.spec import CSLDailyConfig
from slp_encoders.corpora.fingerspelling.importer import Fingerspelling
from slp_encoders.corpora.fingerspelling.spec import FingerspellingConfig
from slp_encoders.corpora.how2sign.importer import How2Sign
from slp_encoders.corpora.how2sign.spec import How2SignConfig
from slp_encoders.corpora.multimodalhugs.importer import MultimodalHugs
from slp_encoders.corpora.multimodalhugs.spec import MultimodalHugsConfig
from slp_encoders.corpora.phoenix14t.importer import Phoenix14T
from slp_encoders.corpora.phoenix14t.spec import PhoenixConfig
from slp_encoders.corpora.sign_digits.importer import SignDigits
from slp_encoders.corpora.sign_digits.spec import SignDigitsConfig


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "official"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_phoenix(source, out):
    for split in ("train", "dev", "test"):
        write(
            source / f"annotations/manual/PHOENIX-2014-T.{split}.corpus.csv",
            "name|video|start|end|speaker|orth|translation\n"
            f"{split}-1|{split}-1/1/*.png|-1|-1|Signer08|JETZT WETTER|und nun das wetter\n",
        )
    made = Phoenix14T(PhoenixConfig(source=str(source))).make(out)
    assert list(made) == ["train", "validation", "test"]
    (row,) = read_manifest(made["validation"])
    assert row.fields["text"] == "und nun das wetter"
    assert row.fields["gloss"] == "JETZT WETTER"
    assert (row.id, row.get("signer"), row.get("language")) == ("dev-1", "Signer08", "de")
    assert row.get("sign_language") == "gsg"
    frames = source / "features/fullFrame-210x260px/dev/dev-1"
    assert row.path("video").resolve() == frames.resolve()


def test_csl_daily(source, out):
    write(
        source / "sentence_label/video_map.txt",
        "index|name|length|gloss|char|word|postag\n"
        "0|S000000_P0000_T00|90|我 好|我 很 好|我 很好|r a\n"
        "1|S000001_P0004_T00|80|你 好|你 好|你好|r\n"
        "2|S000002_P0004_T00|80|他 好|他 好|他好|r\n"
        "3|S000003_P0004_T00|80|谁 好|谁 好|谁好|r\n",
    )
    write(
        source / "sentence_label/split_1.txt",
        "name|split\nS000000_P0000_T00|train\nS000001_P0004_T00|dev\nS000002_P0004_T00|test\n",
    )
    made = CSLDaily(CSLDailyConfig(source=str(source))).make(out)
    (row,) = read_manifest(made["train"])
    assert row.get("text") == "我很好"
    assert (row.get("signer"), row.get("language")) == ("P0000", "zh")
    assert row.get("sign_language") == "csl"
    assert len(read_manifest(made["test"])) == 1


HOW2SIGN = (
    "VIDEO_ID\tVIDEO_NAME\tSENTENCE_ID\tSENTENCE_NAME\tSTART_REALIGNED\tEND_REALIGNED\tSENTENCE\n"
)


def test_how2sign(source, out):
    for split in ("train", "val", "test"):
        write(
            source / f"how2sign_realigned_{split}.csv",
            HOW2SIGN + f'v\tv-5-rgb_front\tv_0\tv_0-5-rgb_front\t1.5\t2.25\t"Hi," {split}.\n',
        )
    made = How2Sign(How2SignConfig(source=str(source))).make(out)
    (row,) = read_manifest(made["validation"])
    assert row.get("text") == '"Hi," val.' and row.span == (0, None)
    assert (row.get("signer"), row.get("sign_language")) == ("5", "ase")
    assert row.path("video").name == "v_0-5-rgb_front.mp4"
    made = How2Sign(How2SignConfig(source=str(source), clips="videos")).make(out)
    (row,) = read_manifest(made["test"])
    assert row.span == (1500, 2250) and row.path("video").name == "v-5-rgb_front.mp4"


def test_multimodalhugs(source, out):
    header = "signal\tsignal_start\tsignal_end\tencoder_prompt\tdecoder_prompt\toutput\n"
    for split in ("train", "dev", "test"):
        write(source / f"{split}.tsv", header + f"a.pose\t0\t40\t__dgs__\t__de__\t{split}\n")
    made = MultimodalHugs(MultimodalHugsConfig(source=str(source))).make(out)
    (row,) = read_manifest(made["validation"])
    assert row.path("pose").resolve() == (source / "a.pose").resolve()
    assert row.span == (0, 40) and row.get("decoder_prompt") == "__de__"
    assert row.get("text") == "dev"


def test_fingerspelling(source, out):
    write(
        source / "index.tsv",
        "path\tlanguage\tletter\tframes\tfps\na/A.pose\ta\tA\t9\t25\nb/A.pose\tb\tA\t9\t25\n",
    )
    made = Fingerspelling(FingerspellingConfig(source=str(source), hold_out="b")).make(out)
    assert list(made) == ["train", "test"]
    (row,) = read_manifest(made["test"])
    assert (row.id, row.get("text"), row.get("signer")) == ("b/A", "A", "b")
    with pytest.raises(UserError, match='no language "c"'):
        Fingerspelling(FingerspellingConfig(source=str(source), hold_out="c")).make(out)


def test_sign_digits(source, out):
    for digit in range(10):
        for number in range(31):
            write(source / f"{digit}/IMG_{number:02}.JPG", "")
        write(source / f"{digit}/notes.txt", "no photo")
    made = SignDigits(SignDigitsConfig(source=str(source))).make(out)
    rows = {split: list(read_manifest(file)) for split, file in made.items()}
    assert {split: len(some) for split, some in rows.items()} == {
        "train": 260,
        "validation": 20,
        "test": 30,
    }
    for split, numbers in [("train", range(26)), ("validation", (26, 27)), ("test", (28, 29, 30))]:
        expected = {f"{digit}/IMG_{number:02}" for digit in range(10) for number in numbers}
        assert {row.id for row in rows[split]} == expected
    assert [row.get("text") for row in rows["train"]] == list("0123456789") * 26  # in turns
    row = rows["test"][-1]
    assert row.path("image").resolve() == (source / "9/IMG_30.JPG").resolve()
    for photo in sorted((source / "4").glob("*.JPG"))[10:]:
        photo.unlink()
    with pytest.raises(UserError, match="4: 10 photos; at least 11"):
        SignDigits(SignDigitsConfig(source=str(source))).make(out)
    with pytest.raises(UserError, match="no such folder"):
        SignDigits(SignDigitsConfig(source=str(out / "absent"))).make(out)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "is not there; it is part of the official download"),
        ("", ":1: no column name, speaker, orth, translation"),
        ("name|speaker|orth\n", ":1: no column translation"),
        ("name|speaker|orth|translation\na|b|c\n", ":2: 3 fields, 4 columns"),
        ("name|speaker|orth|translation\n", "the train split has no rows"),
    ],
)
def test_what_is_not_as_published_is_refused(source, out, text, reason):
    if text is not None:
        write(source / "annotations/manual/PHOENIX-2014-T.train.corpus.csv", text)
    with pytest.raises(UserError) as caught:
        Phoenix14T(PhoenixConfig(source=str(source))).make(out)
    assert reason in str(caught.value)
