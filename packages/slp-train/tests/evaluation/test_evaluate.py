"""What is scored against what, and what the controls say."""

import pytest
import sacrebleu

from slp_core.errors import UserError
from slp_core.manifest import read_manifest, write_manifest
from slp_train import controls
from slp_train.evaluation import evaluate, print_evaluation, verdict
from slp_train.evaluation.scores import BLANK, FREQUENT, NEAREST, SHUFFLED


@pytest.fixture
def splits(toys, tmp_path):
    return {
        "train": toys.make_manifest(tmp_path / "train.tsv", 60, 1),
        "test": toys.make_manifest(tmp_path / "test.tsv", 40, 2),
    }


def run(toys, splits, say=None, evaluation="", split="test"):
    pipeline = toys.make_pipeline(say, evaluation)
    dataset = toys.make_dataset(pipeline, splits[split])
    return evaluate(pipeline, dataset, splits, split)


def test_a_perfect_reader(toys, splits):
    found = run(toys, splits)
    assert (found.split, found.samples, found.scored) == ("test", 40, 40)
    assert list(found.whole.scores) == [
        "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "chrF", "chrF++", "TER", "ROUGE-L",
    ]  # fmt: skip
    assert found.lower_is_better == ["TER"]
    assert found.whole.scores[found.headline].value == pytest.approx(100)
    assert found.whole.scores["TER"].value == 0
    assert found.control(BLANK).scores["BLEU-4"].value == 0
    assert found.control(SHUFFLED).scores["BLEU-4"].value < 20
    assert "falls from 100.0" in verdict(found)
    assert verdict(found).endswith("the model uses the signal.")


def test_scores_are_those_of_sacrebleu_on_the_raw_references(toys, splits):
    """The toy knows no capitals and no commas; against its own idea of the references (what a
    vocabulary makes of them) it would be perfect."""

    def plain(steps, batch):
        words = [toys.WORDS[step].lower() for step in steps]
        return " ".join(word for word in words if word != ",")

    found = run(toys, splits, plain)
    references = [row.get("text") for row in splits["test"]]
    hypotheses = [
        plain([int(sign) for sign in row.get("signs").split()], None) for row in splits["test"]
    ]
    assert [one.hypothesis for one in found.predictions] == hypotheses
    assert [one.reference for one in found.predictions] == references
    bleu = sacrebleu.corpus_bleu(hypotheses, [references])
    assert found.whole.scores["BLEU-4"].value == pytest.approx(bleu.score)
    assert found.whole.scores["chrF"].value == pytest.approx(
        sacrebleu.corpus_chrf(hypotheses, [references]).score
    )
    assert bleu.score < 40
    low, high = found.whole.scores["BLEU-4"].interval
    assert low < bleu.score < high
    first = found.predictions[0]
    sentence = sacrebleu.sentence_bleu(hypotheses[0], [references[0]], use_effective_order=True)
    assert first.bleu == pytest.approx(sentence.score)
    assert first.chrf == sacrebleu.sentence_chrf(hypotheses[0], [references[0]]).score


def test_controls_by_hand(toys, splits):
    """Each control scores what it says it does, against the same references."""
    found = run(toys, splits)
    references = [row.get("text") for row in splits["test"]]
    train = [row.get("text") for row in splits["train"]]
    givers = controls.shuffled(40, seed=0)
    frequent = controls.most_frequent(train)

    def bleu(texts):
        return pytest.approx(sacrebleu.corpus_bleu(texts, [references]).score)

    shuffled = [references[giver] for giver in givers]
    assert found.control(SHUFFLED).scores["BLEU-4"].value == bleu(shuffled)
    blank = [" ".join(["<blank>"] * len(text.split())) for text in references]
    assert found.control(BLANK).scores["BLEU-4"].value == bleu(blank)
    assert found.control(FREQUENT).scores["BLEU-4"].value == bleu([frequent] * 40)
    vectors = {
        name: [
            controls.describe(toys.Signs(None).read(toys.Clip(row.get("signs"))).values)
            for row in splits[name]
        ]
        for name in splits
    }
    import numpy as np

    nearest = controls.nearest(np.stack(vectors["train"]), np.stack(vectors["test"]))
    assert found.control(NEAREST).scores["BLEU-4"].value == bleu([train[n] for n in nearest])


def test_a_blind_model_is_seen_at_once(toys, splits):
    found = run(toys, splits, lambda steps, batch: "Am Montag regnet es im Norden")
    assert found.control(SHUFFLED).p == found.control(BLANK).p == 1
    assert "nothing shows that the model uses the signal" in verdict(found)


def test_a_model_that_hardly_looks(toys, splits):
    """It tells long clips from short ones, and nothing else."""

    def length(steps, batch):
        return "es regnet im Norden und Süden , bei Sonne" if len(steps) > 5 else "es"

    found = run(toys, splits, length, '\nmetrics = ["chrf"]')
    assert found.control(BLANK).p == 1
    assert "nothing shows that the model uses the signal" in verdict(found)


def test_half_of_a_score_without_signal_is_said(toys, splits):
    def weak(steps, batch):
        return toys.WORDS[steps[0]] + " regnet im Norden und Süden"

    found = run(toys, splits, weak, '\nmetrics = ["chrf"]')
    assert found.control(BLANK).p < 0.05
    assert " % of the score does without." in verdict(found)
    assert found.headline == "chrF"


def test_error_rates_rise(toys, splits):
    found = run(toys, splits, evaluation='\nmetrics = ["wer", "bleu"]')
    assert found.headline == "WER"
    assert list(found.whole.scores) == ["WER", "BLEU-4"]
    assert found.control(SHUFFLED).p < 0.01
    assert "WER rises from 0.0 to" in verdict(found)


def test_without_controls(toys, splits):
    found = run(toys, splits, evaluation="\ncontrols = false")
    assert found.controls == []
    assert "No blindness controls were run" in verdict(found)


def test_without_training_rows_and_with_one_sample(toys, tmp_path):
    splits = {"test": toys.make_manifest(tmp_path / "test.tsv", 1, 2)}
    found = run(toys, splits)
    assert [one.name for one in found.controls] == [BLANK]
    assert found.parts == []
    assert found.predictions[0].seen is None
    assert "nothing shows" in verdict(found)  # one sample proves nothing


def test_seen_and_unseen_sentences(toys, splits, tmp_path):
    """Half of the test is in training, in capitals; the toy reads short clips only."""
    rows = [[r.id, r.get("signs"), r.get("text").upper()] for r in splits["test"].rows[:20]]
    write_manifest(tmp_path / "half.tsv", ["id", "signs", "text"], rows)
    splits["train"] = read_manifest(tmp_path / "half.tsv")

    def short(steps, batch):
        return " ".join(toys.WORDS[step] for step in steps) if len(steps) < 6 else ""

    found = run(toys, splits, short)
    assert [one.seen for one in found.predictions] == [True] * 20 + [False] * 20
    parts = {one.name: one for one in found.parts}
    assert parts["seen sentences"].samples == parts["unseen sentences"].samples == 20
    hypotheses = [one.hypothesis for one in found.predictions]
    references = [one.reference for one in found.predictions]
    for name, part in (("seen sentences", slice(20)), ("unseen sentences", slice(20, 40))):
        by_hand = sacrebleu.corpus_bleu(hypotheses[part], [references[part]])
        assert parts[name].scores["BLEU-4"].value == pytest.approx(by_hand.score)
    lengths = [one for name, one in parts.items() if name.endswith("words")]
    assert sum(one.samples for one in lengths) == 40
    assert lengths[0].scores["chrF"].value > 90
    assert lengths[-1].scores["chrF"].value < 10


def test_rows_left_out_are_counted(toys, splits):
    pipeline = toys.make_pipeline()
    dataset = toys.make_dataset(pipeline, splits["test"])
    dataset.rows, dataset.lengths = dataset.rows[:30], dataset.lengths[:30]
    found = evaluate(pipeline, dataset, splits, "test")
    assert (found.samples, found.scored, found.whole.samples) == (40, 30, 30)
    assert len(found.predictions) == 30


def test_tabs_and_line_breaks_become_blanks_before_scoring(toys, splits, capsys):
    def broken(steps, batch):
        return "\t".join(toys.WORDS[step] for step in steps) + "\n"

    found = run(toys, splits, broken)
    assert found.one_lined == 40
    assert found.whole.scores["TER"].value == 0
    assert not any(mark in one.hypothesis for one in found.predictions for mark in "\t\n\r")
    print_evaluation(found)
    assert "40 hypotheses held tabs or line breaks" in capsys.readouterr().err


def test_chinese_needs_its_language(toys, tmp_path):
    def chinese(file, number, **columns):
        rows = [[str(n), "1 2 3", "今天下雨" + "很" * n, *columns.values()] for n in range(number)]
        write_manifest(file, ["id", "signs", "text", *columns], rows)
        return {"test": read_manifest(file)}

    with pytest.raises(UserError, match=r'say the language \("zh", "ja"\)'):
        run(toys, chinese(tmp_path / "a.tsv", 4), lambda s, b: "今天下雪")
    for splits in (
        chinese(tmp_path / "b.tsv", 4, language="zh"),
        chinese(tmp_path / "c.tsv", 4, language="zh-CN"),
    ):
        found = run(toys, splits, lambda s, b: "今天下雪")
        assert "tok:zh" in found.whole.scores["BLEU-4"].signature
        assert 0 < found.predictions[1].bleu < 100


def test_a_metric_named_twice_is_refused(toys, splits):
    with pytest.raises(UserError, match=r"evaluation\.metrics: BLEU-4 stands there twice"):
        run(toys, splits, evaluation='\nmetrics = ["bleu", "bleu"]')


def test_the_table_fits_a_terminal(toys, splits, capsys):
    found = run(toys, splits)
    print_evaluation(found)
    said = capsys.readouterr()
    assert said.out == ""
    assert "test: 40 of 40 samples scored" in said.err
    for word in ("95 % from", "shuffled signals", "blank signals", "nearest sentence", "TER ↓"):
        assert word in said.err
    assert max(map(len, said.err.splitlines())) <= 80
    assert "the model uses the signal" in " ".join(said.err.split())
    assert "tok:13a" in said.err


def test_progress_counts_through_all_passes(toys, splits):
    pipeline = toys.make_pipeline()
    dataset = toys.make_dataset(pipeline, splits["test"])
    seen = []
    evaluate(pipeline, dataset, splits, "test", lambda *done: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == (120, 120)
