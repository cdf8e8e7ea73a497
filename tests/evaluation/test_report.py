"""The page is whole, small, harmless, and says what the figures say."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from lamplighter.checks.finding import Finding
from lamplighter.evaluation.calibration import fit_temperature, suggest_threshold
from lamplighter.evaluation.case import Case
from lamplighter.evaluation.charts import learning_charts
from lamplighter.evaluation.measure import measure
from lamplighter.evaluation.report import write_report

ROWS = [
    {"epoch": e, "train_loss": 1 / e, "val_loss": 1 / e + 0.1, "train_accuracy": 1 - 0.5 / e,
     "val_accuracy": 0.9 - 0.4 / e, "lr": 0.1, "data_wait": 0.1}
    for e in range(1, 5)
]  # fmt: skip
HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(2)>\x1b[31m\u202e'


VOID = ("meta", "img", "input", "br", "line", "circle", "rect", "polyline")


class _Page(HTMLParser):
    """Collects elements, and complains where a tag is closed that is not open."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def written(tmp_path, digits, jpeg):
    """A full report of the digits."""
    val, test = digits
    temperature, threshold = fit_temperature(val), suggest_threshold(val)
    finding = Finding("Y110", "warning", "val", "a < b", "fix & go", paths=("a.png",))
    report = write_report(
        tmp_path, name="digits-net", outcome=test,
        measures=measure(test, temperature=temperature.value, train_counts={"1": 30}),
        val_measures=measure(val), rows=ROWS, findings=[finding], recipe={"training": {"lr": 0.1}},
        environment={"torch": "2"}, thumbnails=jpeg, temperature=temperature, threshold=threshold,
        explanations=lambda keys: [jpeg(key) for key in keys], looks=2,
        use="lamp predict runs/digits-net PICTURES",
    )  # fmt: skip
    return report, test


def test_the_page_holds_what_a_reader_needs(written):
    """Headline, interval, baseline, split, looks, diagnosis, next command, tables and charts."""
    report, test = written
    page = _Page(report.html.read_text())
    right = f"{100 * test.correct().mean():.1f} %"
    for words in (
        right, "95 % interval", "Baseline", "test split", "2 ×", "Diagnosis", "looked at often",
        "lamp predict runs/digits-net PICTURES", "Confusion", "Most confused",
        "Wrong answers, surest first", "Calibration", "Accuracy against coverage", "Loss",
        "Accuracy", "Y110 warning", "a < b", "training.lr", "trained on",
    ):  # fmt: skip
        assert words in page.text, words


def test_the_page_needs_nothing_from_outside(written):
    """No address, no external file, no handler attribute; only our own script may run."""
    report, _ = written
    text = report.html.read_text()
    page = _Page(text)
    assert not re.search(r"https?://|//[a-z]", text.split("<body>")[1])
    assert page.all("link") == []
    for name, attrs in page.elements:
        assert not any(key.startswith("on") for key in attrs)
        for key in ("src", "href"):
            if key in attrs:
                assert attrs[key].startswith(("data:image/", "#")), (name, attrs[key][:40])
    policy = page.all("meta")[2]["content"]
    assert policy.startswith("default-src 'none'")
    assert re.search(r"script-src 'sha256-[\w+/=]+'", policy)


def test_the_policy_names_the_script_that_is_there(written):
    """The hash in the page's policy is that of the script, byte for byte."""
    import base64
    import hashlib

    text = written[0].html.read_text()
    script = text.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in text


def test_ears_and_keys_reach_everything(written):
    """Pictures have words, charts have names, every link leads somewhere, scrolling has focus."""
    page = _Page(written[0].html.read_text())
    assert all(attrs.get("alt") for attrs in page.all("img"))
    assert all(attrs.get("aria-label") for attrs in page.all("svg"))
    ids = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert {attrs["href"][1:] for attrs in page.all("a")} <= ids
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == 1


def test_cells_lead_to_their_pictures(written):
    """Each linked cell has exactly as many pictures on the page as its words promise, and one."""
    page = _Page(written[0].html.read_text())
    shown = [attrs["data-cell"] for attrs in page.all("figure") if "data-cell" in attrs]
    cells = [attrs["data-cell"] for attrs in page.all("a") if "data-cell" in attrs]
    assert set(cells) == set(shown)
    assert len(cells) == len(set(cells)) > 10


def test_the_document_says_the_same(written):
    """report.json holds the keys of evaluate, the verdict, the diagnosis, and no NaN."""
    report, test = written
    document = json.loads(report.json.read_text(), parse_constant=pytest.fail)
    assert document["accuracy"] == float(test.correct().mean())
    assert document["verdict"] == report.verdict
    assert [s["topic"] for s in document["diagnosis"]] == [s.topic for s in report.diagnosis]
    assert document["looks"] == 2
    assert document["threshold"]["split"] == "val"
    assert document["threshold_here"]["n"] == len(test.keys)
    probabilities = [one["probability"] for one in document["wrong"]]
    assert probabilities == sorted(probabilities, reverse=True)


def test_hostile_names_stay_text(tmp_path, sure, jpeg):
    """Markup, escapes and direction marks in every name are shown and never obeyed."""
    outcome = sure(np.arange(60) % 2, np.arange(60) % 5 % 2, [HOSTILE, "b"], split=HOSTILE)
    finding = Finding("Y111", "info", HOSTILE, HOSTILE, HOSTILE, paths=(HOSTILE,), allowed=HOSTILE)
    report = write_report(
        tmp_path, name=HOSTILE, outcome=outcome, measures=measure(outcome), findings=[finding],
        recipe={HOSTILE: HOSTILE}, environment={"x": HOSTILE}, thumbnails=jpeg, use=HOSTILE,
        train_counts={HOSTILE: 500, "b": 2},
    )  # fmt: skip
    text = report.html.read_text()
    page = _Page(text)
    assert len(page.all("script")) == 1
    assert all("onerror" not in attrs for _, attrs in page.elements)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>alert(1)</script>" in page.text


def test_undecodable_names_are_written(tmp_path, sure):
    """A file name that is no UTF-8 breaks neither page nor document."""
    from dataclasses import replace

    outcome = sure([0, 1, 0], [1, 1, 0], "ab")
    outcome = replace(outcome, paths=("\udcff.jpg", "b", "c"), keys=("\udcff.jpg", "b", "c"))
    report = write_report(tmp_path, name="x", outcome=outcome, measures=measure(outcome))
    assert "\\udcff.jpg" in report.html.read_text()
    json.loads(report.json.read_text())


def test_many_classes_and_many_mistakes_stay_readable(tmp_path, make):
    """200 classes and 5,000 wrong answers: a page under 3 MB, a matrix of the worst classes."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (160, 160, 3), dtype=np.uint8)
    from io import BytesIO

    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=95)
    assert len(buffer.getvalue()) > 30_000
    outcome = make(
        generator.integers(0, 200, 5000), generator.normal(size=(5000, 200)), map(str, range(200))
    )
    report = write_report(
        tmp_path, name="many", outcome=outcome, measures=measure(outcome),
        thumbnails=lambda _key: buffer.getvalue(), 
        explanations=lambda keys: [buffer.getvalue()] * len(keys),
    )  # fmt: skip
    assert report.html.stat().st_size < 3_000_000
    page = _Page(report.html.read_text())
    assert "185 others are in report.json" in page.text
    assert "wrong answers; all are in predictions.csv" in page.text


def test_all_right_is_told_plainly(tmp_path, sure):
    """Without a wrong answer the section says so, and nothing divides by nothing."""
    outcome = sure([0, 1, 0], [0, 1, 0], "ab")
    report = write_report(tmp_path, name="x", outcome=outcome, measures=measure(outcome))
    assert "None: every answer is right." in report.html.read_text()


def test_labels_and_numbers_have_a_page_too(tmp_path, make, jpeg):
    """Multi-label and regression are reported with their own figures and pictures."""
    generator = np.random.default_rng(0)
    labels = (generator.random((50, 3)) < 0.4).astype(np.uint8)
    several = make(labels, generator.normal(size=(50, 3)), "abc", task="multilabel")
    values = generator.normal(size=50)
    numbers = make(values, values[:, None] * 0.9, [], task="regression")
    rows = [
        {"epoch": 1, "val_mae": 0.5, "val_r2": 0.1},
        {"epoch": 2, "val_mae": 0.4, "val_r2": 0.3},
    ]
    for outcome, words in ((several, "mAP"), (numbers, "Answers against labels")):
        report = write_report(
            tmp_path, name="x", outcome=outcome, measures=measure(outcome), thumbnails=jpeg,
            rows=rows,
        )  # fmt: skip
        page = _Page(report.html.read_text())
        assert words in page.text
        assert len(page.all("img")) > 10
        json.loads(report.json.read_text(), parse_constant=pytest.fail)


def test_a_stopping_diagnosis_changes_the_next_command(tmp_path, sure):
    """A model no better than the majority is not sent to predict."""
    outcome = sure([0] * 60 + [1] * 40, [0] * 100, "ab", 0.6)
    report = write_report(tmp_path, name="x", outcome=outcome, measures=measure(outcome))
    assert report.next_command == "lamp check DATA --model M"


def test_a_page_elsewhere_leaves_the_runs_report_alone(tmp_path, sure):
    """With a place of its own for the page, the document lies beside it under the same name."""
    outcome = sure([0, 1, 0], [0, 1, 1], "ab")
    (tmp_path / "report.json").write_text("the run's")
    report = write_report(
        tmp_path, name="x", outcome=outcome, measures=measure(outcome), html=tmp_path / "new.html"
    )
    assert (report.html.name, report.json.name) == ("new.html", "new.json")
    assert (tmp_path / "report.json").read_text() == "the run's"


def test_the_curve_marks_the_epoch_that_was_kept(digits):
    """Of two epochs of equal accuracy it names the one of lower loss; one epoch has no course."""
    losses, accuracies = (0.5, 0.3, 0.2, 0.1), (0.5, 0.9, 0.9, 0.8)
    rows = [
        {"epoch": e, "val_loss": loss, "val_accuracy": accuracy}
        for e, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), start=1)
    ]
    measures = measure(digits[0])
    loss, accuracy = learning_charts(Case(measures, None, rows, (), {}, 1))
    assert "Validation is lowest in epoch 4." in loss.caption
    assert "Validation is highest in epoch 3." in accuracy.caption
    alone = learning_charts(Case(measures, None, rows[:1], (), {}, 1))
    assert [one.caption for one in alone] == ["validation 0.5.", "validation 50.0 %."]
