"""What can be chosen for a card's chart: only what the study carries, and what choosing does."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest
from browser import open_browser, open_page, wait_until

from toolkit.report.card.card_controls import controls, fitted_words
from toolkit.report.card.claim_card import cards_of
from toolkit.report.card.score_panels import panels_of
from toolkit.report.rendering.page import with_assets

ARMS = ["zero-shot, base", "few-shot, base", "zero-shot, instruction-tuned",
        "few-shot, instruction-tuned"]  # fmt: skip
CHECKPOINTS = ("fern-s", "fern-m", "fern-m-chat", "moss-m", "moss-l", "moss-l-chat")
HOSTILE = "<script>alert(1)</script>"


def more_metrics(folder):
    """Score sorting under exact match too, asked in two ways; every score differs."""
    lines = [
        f"{name},sorting,exact_match,{prompt},{shots},200,{n},1,,{n / 200}"
        for p, prompt in enumerate(("closed", "letter"))
        for s, shots in enumerate((0, 5))
        for c, name in enumerate(CHECKPOINTS)
        for n in [10 + 60 * p + 30 * s + 2 * c]
    ]
    path = folder / "scores.csv"
    path.write_text(path.read_text() + "\n".join(lines) + "\n")


def picture_of(analysis):
    return panels_of(analysis).of(analysis.source.claims[0])


def test_only_what_a_study_carries_can_be_chosen(analysis):
    markup = picture_of(analysis)
    assert re.findall(r'name="arms" value="([^"]+)"', markup) == ARMS
    assert re.findall(r'name="arms" value="([^"]+)" checked', markup) == ARMS[:2]
    assert 'name="metric"' not in markup
    assert 'name="prompt_format"' not in markup
    assert re.findall(r'<option value="(\w+)"', markup) == ["averaged", "step", "smooth"]


def test_metrics_and_prompt_formats_are_choices_where_there_are_several(analysis_of, tiny_study):
    more_metrics(tiny_study)
    markup = picture_of(analysis_of(tiny_study))
    selects = dict(re.findall(r'<select name="(\w+)">(.*?)</select>', markup))
    assert re.findall(r'value="(\w+)"', selects["metric"]) == ["accuracy", "exact_match"]
    assert re.findall(r'value="(\w+)"', selects["prompt_format"]) == ["closed", "letter"]


def test_compute_is_an_axis_only_where_two_sizes_of_it_are_known(analysis_of, tiny_study, edit):
    assert 'name="size_axis"' in picture_of(analysis_of(tiny_study))
    edit(tiny_study / "checkpoints.csv", ",2e+22,", ",,")
    assert 'name="size_axis"' not in picture_of(analysis_of(tiny_study))


def test_a_single_arm_is_no_choice(analysis_of, tiny_study):
    path = tiny_study / "scores.csv"
    head, *rows = path.read_text().splitlines()
    kept = [row for row in rows if ",closed,5," in row and "-chat" not in row]
    path.write_text("\n".join([head, *kept]) + "\n")
    markup = picture_of(analysis_of(tiny_study))
    assert 'name="arms"' not in markup
    assert markup.count('class="vega-chart"') == 2


def test_hostile_names_of_metrics_stay_text(analysis_of, tiny_study):
    more_metrics(tiny_study)
    path = tiny_study / "scores.csv"
    path.write_text(path.read_text().replace("letter", f"letter'\"{HOSTILE}"))
    analysis = analysis_of(tiny_study)
    assert HOSTILE not in picture_of(analysis)
    assert "&lt;script&gt;" in picture_of(analysis)


def test_words_name_what_the_curves_were_fitted_to(analysis):
    seen = {}

    def kept(choices, label, note):
        seen.update(choices=choices, note=note)
        return controls(choices, label, note)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.report.card.score_panels.controls", kept)
        picture_of(analysis)
    assert "accuracy (closed)" in fitted_words(seen["choices"])
    assert seen["note"].startswith("Probability of a step, of whatever size: zero-shot, base 0.")
    bare = replace(seen["choices"], curves=seen["choices"].curves.assign(step_mean=float("nan")))
    assert bare.kinds == ["averaged", "smooth"]


# --- On a page ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def cards_page(analysis_of, tiny_study, tmp_path):
    """Return a page with the cards of the study, with more metrics, and its published scores."""
    more_metrics(tiny_study)
    analysis = analysis_of(tiny_study)
    cards = cards_of(analysis)
    body = "".join(cards.card(verdict) for verdict in analysis.verdicts)
    page = (
        '<html lang="en"><head><meta charset="utf-8"><title>Cards</title></head>'
        f'<body class="embedded"><main id="main">{body}</main></body></html>'
    )
    path = tmp_path / "cards.html"
    path.write_text(with_assets(page), encoding="utf-8")
    return path, cards.panels.cells


@pytest.fixture
def opened(browser, cards_page):
    path, cells = cards_page
    with open_page(browser, path) as (page, visit):
        page.locator("#sorting .ours").scroll_into_view_if_needed()
        wait_until(page, f"{OURS}.dataset.drawn === 'true'")
        yield page, cells
        assert (visit.console_errors, visit.page_errors, visit.outside_requests) == ([], [], [])


OURS = "document.querySelector('#sorting .ours .vega-chart')"


def proportion(number, percent):
    return round(float(number) / (100 if percent else 1), 4)


def drawn_points(page):
    """Return checkpoint, arm and score of every point that is drawn."""
    labels = page.eval_on_selector_all(
        "#sorting .ours svg .mark-symbol.role-mark path",
        "marks => marks.map(mark => mark.getAttribute('aria-label'))",
    )
    return {
        (
            re.search(r"checkpoint: ([^;]+)", text)[1],
            re.search(r"arm: ([^;]+)", text)[1],
            proportion(*re.search(r"score: ([\d.]+)(%?)", text).groups()),
        )
        for text in labels
    }


def published(cells, arms, metric="accuracy", prompt_format="closed", compute=False):
    rows = cells[(cells["task"] == "sorting") & cells["arm"].isin(arms)]
    rows = rows[(rows["metric"] == metric) & (rows["prompt_format"] == prompt_format)]
    if compute:
        rows = rows[rows["train_flop"].notna()]
    return {
        (row["checkpoint"], row["arm"], round(row["score"], 4)) for row in rows.to_dict("records")
    }


def settle(page, change):
    """Make a change and wait until the chart was drawn anew."""
    page.evaluate(f"{OURS}.querySelector('svg').dataset.old = 'true'")
    change()
    wait_until(page, f"!{OURS}.querySelector('svg[data-old]') && {OURS}.querySelector('svg')")


def n_curves(page):
    return page.locator("#sorting .ours svg .mark-line.role-mark path").count()


def legend(page):
    return page.locator("#sorting .ours svg .role-legend-label text").all_text_contents()


def test_boxes_show_and_hide_arms(opened):
    page, cells = opened
    form = page.locator("#sorting form.card-controls")
    assert drawn_points(page) == published(cells, ARMS[:2])
    assert n_curves(page) == 2
    assert legend(page) == ARMS[:2]
    settle(page, lambda: form.get_by_label(ARMS[0]).uncheck())
    assert drawn_points(page) == published(cells, ARMS[1:2])
    settle(page, lambda: form.get_by_label(ARMS[3]).check())
    assert drawn_points(page) == published(cells, [ARMS[1], ARMS[3]])
    assert legend(page) == [ARMS[1], ARMS[3]]
    settle(page, lambda: form.get_by_label(ARMS[3]).uncheck())
    settle(page, lambda: form.get_by_label(ARMS[1]).uncheck())
    assert drawn_points(page) == set()
    assert legend(page) == list(ARMS)
    assert form.locator("[role=status]").inner_text() == "No arm is chosen."
    assert page.locator("#naming form [name=arms]:checked").count() == 2  # its own card only


def test_other_metric_and_format_have_points_and_no_curves(opened):
    page, cells = opened
    form = page.locator("#sorting form.card-controls")
    said = form.locator("[role=status]")
    assert "accuracy (closed), which the curves were fitted to" in said.inner_text()
    # Accuracy was not asked for by letter: the metric goes along.
    settle(page, lambda: form.get_by_label("Prompt format").select_option("letter"))
    assert form.get_by_label("Metric").input_value() == "exact_match"
    assert drawn_points(page) == published(cells, ARMS[:2], "exact_match", "letter")
    assert n_curves(page) == 0
    assert said.inner_text().startswith("Published points only")
    settle(page, lambda: form.get_by_label("Prompt format").select_option("closed"))
    assert drawn_points(page) == published(cells, ARMS[:2], "exact_match", "closed")
    settle(page, lambda: form.get_by_label("Metric").select_option("accuracy"))
    assert drawn_points(page) == published(cells, ARMS[:2])
    assert n_curves(page) == 2


def test_compute_axis_is_reached_by_keyboard_and_named_in_the_picture(opened):
    page, cells = opened
    form = page.locator("#sorting form.card-controls")
    form.get_by_label("parameters").focus()
    settle(page, lambda: page.keyboard.press("ArrowRight"))
    assert drawn_points(page) == published(cells, ARMS[:2], compute=True)
    assert n_curves(page) == 0
    title = "training compute in FLOP (log scale)"
    assert title in page.locator("#sorting .ours svg").text_content()
    assert "2 of 6 checkpoints" in form.locator("[role=status]").inner_text()
    figure = page.locator("#sorting .ours figure.chart")
    figure.locator("summary").click()
    with page.expect_download() as waiting:
        figure.get_by_role("button", name="Download as SVG").click()
    assert title in waiting.value.path().read_text()


def test_curves_with_and_without_a_step_are_those_of_the_data(opened):
    page, _ = opened
    form = page.locator("#sorting form.card-controls")
    script = "#sorting .ours script[type='application/json']"
    spec = json.loads(page.locator(script).text_content())
    data = pd.concat([pd.DataFrame(rows) for rows in spec["datasets"].values()])
    first = data[(data["arm"] == ARMS[0]) & data["averaged_mean"].notna()].iloc[0]
    drawn = {}
    for curve in ("step", "smooth", "averaged"):
        settle(page, lambda: form.get_by_label("Curves").select_option(curve))  # noqa: B023
        line = page.locator("#sorting .ours svg .mark-line.role-mark path").first
        value = float(re.search(r"mean: ([\d.]+)", line.get_attribute("aria-label"))[1])
        assert value == pytest.approx(first[f"{curve}_mean"], abs=5e-4)
        drawn[curve] = line.get_attribute("d")
    assert len(set(drawn.values())) == 3


def test_choosing_moves_nothing_and_the_controls_fit_a_phone(browser, cards_page):
    with open_page(browser, cards_page[0], width=360) as (page, _):
        page.locator("#sorting .ours").scroll_into_view_if_needed()
        wait_until(page, f"{OURS}.dataset.drawn === 'true'")
        where = "document.querySelector('#naming').getBoundingClientRect().top + scrollY"
        before = page.evaluate(where)
        form = page.locator("#sorting form.card-controls")
        settle(page, lambda: form.get_by_label("Curves").select_option("step"))
        assert page.evaluate(where) == before
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") == 0
        box = form.bounding_box()
        for control in form.locator("label, select").all():
            inner = control.bounding_box()
            assert inner["x"] + inner["width"] <= box["x"] + box["width"]


def test_without_scripts_nothing_is_offered_and_on_paper_the_words_stay(browser, cards_page):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(cards_page[0].as_uri())
    assert not page.locator("#sorting .card-controls select").first.is_visible()
    context.close()
    with open_page(browser, cards_page[0]) as (page, _):
        page.emulate_media(media="print")
        assert not page.locator("#sorting .card-controls fieldset").first.is_visible()
        assert page.locator("#sorting .card-controls [role=status]").is_visible()
