"""Reports are made from results alone, whatever is missing in them."""

import re
from html.parser import HTMLParser

import pytest

from foa_analyzer.report import escape_wiki, spell_file, write_reports
from foa_analyzer.request import AnalysedRun, FailedRun
from foa_analyzer.results import Counts, Findings, Results, Spectrum, Theta2, UpperLimit
from foa_stage.manifests import Criterion, Grade, Target

NOTHING = Counts(n_on=0, n_off=0, acceptance_ratio=None, excess=None, significance=None)
HOSTILE = "x [/b] {{y}} <script> </nowiki>"


def make_results(target="<b>Crab & co</b>", **findings):
    criterion = Criterion(name="cosmics_rate", passed=False, value=0.9, limit="above 1.5")
    return Results(
        title="t",
        phase="final",
        target=Target(name=target, ra=83.6, dec=22.0),
        profile="p 1",
        versions={"gammapy": "2.1"},
        runs=(AnalysedRun(obs_id=1, grade=Grade.BAD, criteria=(criterion,)),),
        failed_runs=(FailedRun(obs_id=2, stage="selector", reason="truncated"),),
        findings={"all": Findings(obs_ids=(1,), livetime_s=0, **findings)},
    )


def read(results, directory):
    write_reports(results, directory)
    return (directory / "report.html").read_text(), (directory / "report.wiki").read_text()


@pytest.fixture
def render(tmp_path):
    return lambda **findings: read(make_results(**findings), tmp_path)


@pytest.fixture
def hostile(tmp_path):
    """Reports of results whose every text is hostile."""
    results = make_results(
        target=HOSTILE,
        unavailable={HOSTILE: HOSTILE},
        excluded={HOSTILE: HOSTILE},
        figures=("maps.png",),
    )
    run = results.runs[0].model_copy(update={"models": HOSTILE, "irf_choice": HOSTILE})
    failed = FailedRun(obs_id=2, stage=HOSTILE, reason=HOSTILE)
    texts = {"title": HOSTILE, "profile": HOSTILE, "versions": {HOSTILE: HOSTILE}}
    runs = {"runs": (run,), "failed_runs": (failed,)}
    return read(results.model_copy(update=texts | runs), tmp_path)


def test_a_report_without_any_finding_says_why(render):
    for text in render(unavailable={"DL3": "no run has DL3 data"}):
        assert "no run has DL3 data" in text
        assert "truncated" in text
        assert "cosmics_rate" in text


def test_what_was_not_computed_is_a_dash(render):
    empty = Theta2(
        name="low-energy",
        level="DL2",
        energy_min=0,
        energy_max=0.2,
        cut=0.04,
        n_runs=1,
        effective_s=1,
        counts=NOTHING,
        edges=(0, 1),
        on=(0,),
        off=(0,),
    )
    limit = UpperLimit(energy_min=0.1, energy_max=40, index=2.5, flux=None)
    spectrum = Spectrum(
        counts=NOTHING,
        livetime_s=1,
        n_runs=1,
        detected=False,
        models=(),
        preferred=None,
        flux_points=(),
        upper_limit=limit,
    )
    for text in render(theta2=(empty,), spectrum=spectrum):
        assert "–" in text
        assert "No detection" in text


def test_names_do_not_become_markup(render):
    html, _ = render()
    assert "<b>Crab" not in html


def test_every_figure_is_shown(render):
    html, wiki = render(figures=("maps.png",))
    assert '<img src="all/maps.png"' in html
    assert '<img src="quality.png"' in html
    assert "[[File:t-all-maps.png|800px]]" in wiki


def test_grades_are_coloured(render):
    html, _ = render()
    assert '<td class="left red">bad</td>' in html


def test_a_hostile_name_is_harmless_in_html(hostile):
    html, _ = hostile
    tags, texts = set(), []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.add(tag)

        def handle_data(self, data):
            texts.append(data)

    Reader().feed(html)
    assert "script" not in tags
    assert "nowiki" not in tags
    # heading and title of the page, and every cell and note
    assert sum(HOSTILE in text for text in texts) >= 8


def test_a_hostile_name_is_harmless_in_a_wiki(hostile):
    _, wiki = hostile
    assert wiki.count("<nowiki>") == wiki.count("</nowiki>") >= 8
    outside = re.sub(r"<nowiki>[^<>{}\[\]|]*</nowiki>", "", wiki)
    assert not re.search(r"<|\{\{|\}\}|\[/", outside)
    assert re.findall(r"\[\[(.*?)\]\]", outside) == [
        "File:x-b-y-script-nowiki--all-maps.png|800px",
        "File:x-b-y-script-nowiki--quality.png|800px",
        "Category:Fast Offline Analysis",
    ]


def test_the_wiki_shows_a_hostile_name_as_it_is(hostile):
    _, wiki = hostile
    (shown,) = set(re.findall(r"= <nowiki>(.*)</nowiki> \(final\) =", wiki))
    characters = {"&lt;": "<", "&gt;": ">"} | {f"&#{ord(c)};": c for c in "{}[]|"}
    assert re.sub("|".join(characters), lambda found: characters[found[0]], shown) == HOSTILE


@pytest.mark.parametrize("text", ["12.3", "-4.1", "Run 7: 1.42° off axis", "10⁻¹¹ cm⁻² ± 3 (95 %)"])
def test_harmless_text_stays_readable_in_a_wiki(text):
    assert escape_wiki(text) == text


@pytest.mark.parametrize(
    "text", ["__NOTOC__", "''x''", "~~~~", "a|b", "a\n|-\nb", "&lt;", "http://x"]
)
def test_text_that_would_be_markup_is_escaped_in_a_wiki(text):
    assert escape_wiki(text).startswith("<nowiki>")
    assert "\n" not in escape_wiki(text)


def test_names_of_files_are_those_that_a_wiki_allows():
    assert spell_file("crab-20241205/all/maps.png") == "crab-20241205-all-maps.png"
    assert spell_file("a]] #{{b}}|c.png") == "a-b-c.png"
