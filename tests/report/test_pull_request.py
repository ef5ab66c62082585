"""The comment on a pull request: the verdict first, nothing cut in two, nothing that acts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from types import SimpleNamespace

import pytest
from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from modelctl.domain.approvals import Missing, Obstacle
from modelctl.domain.differences import compare
from modelctl.domain.pages import Overlay, Page
from modelctl.domain.pulls import COMMENT_MARKER
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.report.pull_request import LIMIT, comment
from support.pages import (
    PLATFORM,
    approved,
    lacking,
    many,
    measured,
    model_page,
    page,
    versions,
)

REPOSITORY = "https://github.com/acme/models"
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TAGS = re.compile(r"</?(?:details|summary|b|sub)>")
READ = ("text", "html_block", "html_inline")
ACTS = re.compile(r"(?<!\w)[@#]\w|GH-\d|:\w+:|://|www\.|\$\w", re.IGNORECASE)


def pages(make: SimpleNamespace) -> dict[str, Page]:
    """The pages that are held to golden files."""
    change = make.verdict(*make.passing("mixing", "immutability"), about=Subject())
    ready = make.report(change, make.verdict(*make.GOOD, make.waived()))
    waits = make.report(
        make.verdict(*make.passing("mixing"), lacking(), about=Subject()),
        make.verdict(*make.GOOD, make.soaking()),
    )
    return {
        "ready": page(ready),
        "waiting": page(waits, approvals=approved(PLATFORM)),
        "blocked": page(make.everything(), approvals=approved(PLATFORM, blocking=("max",))),
        "several": page(make.several()),
        "rules": page(make.report(change), environment=None),
    }


@pytest.mark.parametrize("name", ["ready", "waiting", "blocked", "several", "rules"])
def test_golden(make: SimpleNamespace, golden: Callable[[str, str], None], name: str) -> None:
    golden(f"pull-{name}.md", comment(pages(make)[name], repository=REPOSITORY))


def test_it_begins_with_the_marker_and_the_verdict(make: SimpleNamespace) -> None:
    lines = comment(pages(make)["ready"]).splitlines()
    assert lines[0] == COMMENT_MARKER
    assert lines[2] == "## ✅ Ready to merge"


def test_it_says_for_whom_and_for_what_it_waits(make: SimpleNamespace) -> None:
    text = comment(pages(make)["waiting"])
    assert "## ⏳ Waiting for 1 platform, and soak until 2026-11-21 08:05 UTC" in text
    assert "| ⏳ | platform | **1** | ask pat or quinn |" in text
    assert "### What it waits for\n\n#### ⏳ `soak`" in text
    assert "`approvals`\n" not in text


def test_who_has_to_do_what_is_told(make: SimpleNamespace) -> None:
    text = comment(pages(make)["blocked"])
    assert "**Mend**, by the author (ada): train a better model" in text
    assert "**Mend**, by whoever may sign evidence: " in text


def test_a_review_that_does_not_count_is_told_and_a_comment_is_not(make: SimpleNamespace) -> None:
    text = comment(pages(make)["waiting"])
    assert "ben approved another commit (4be0d7b1c2aa), not the head" in text
    assert "codecov" not in text


def test_many_odd_reviews_are_counted(make: SimpleNamespace) -> None:
    [odd, _] = approved().not_counted
    state = approved(PLATFORM, not_counted=tuple(replace(odd, login=f"p{n}") for n in range(20)))
    assert "… and 8 more" in comment(page(make.everything(), approvals=state))


def test_nobody_who_could_approve_is_told(make: SimpleNamespace) -> None:
    state = approved(
        Missing(role="platform", count=2, owner="oncology", candidates=()),
        obstacles=(Obstacle("x@example.com belongs to no account", "add the address"),),
    )
    text = comment(page(make.everything(), approvals=state))
    assert "platform of oncology | **2** | nobody else holds the role platform" in text
    assert "belongs to no account | – | add the address" in text


def test_places_are_linked_where_the_repository_is_known(make: SimpleNamespace) -> None:
    blocked = pages(make)["blocked"]
    text = comment(blocked, repository=REPOSITORY)
    assert f"({REPOSITORY}/blob/{'b' * 40}/{make.MANIFEST}#L31)" in text
    assert f"({REPOSITORY}/blob/ledger/models/tumor-classifier/0000/" in text
    assert "](" not in comment(blocked)


def test_what_cannot_be_rendered_is_told(make: SimpleNamespace) -> None:
    about = make.report(make.verdict(*make.GOOD))
    one = model_page(about.verdicts[0], overlay=Overlay(problem="there is no Kustomize"))
    text = comment(page(about, models=(one,)))
    assert "What will be rendered: it can't be told" in text
    assert "there is no Kustomize" in text
    same = comment(page(about, models=(replace(one, overlay=Overlay()),)))
    assert "nothing but the version in labels and annotations changes" in same


def test_a_diff_without_end_is_cut_between_objects(make: SimpleNamespace) -> None:
    about = make.report(make.verdict(*make.GOOD))
    hunk = ("@@ Service x @@", *(f"+  line {n}" for n in range(100)))
    one = model_page(about.verdicts[0], overlay=Overlay(lines=hunk * 9, is_new=True))
    text = comment(page(about, models=(one,)))
    assert "What will be rendered: 900 lines, for the first time" in text
    shown = text.count("+  line 99")
    assert 0 < shown < 9
    assert text.count("+  line 0\n") == shown
    assert f"… and {101 * (9 - shown)} lines more" in text


def test_a_hunk_that_is_too_large_is_left_out_whole(make: SimpleNamespace) -> None:
    about = make.report(make.verdict(*make.GOOD))
    hunk = ("@@ Service x @@", *(f"+  line {n}" for n in range(9000)))
    one = model_page(about.verdicts[0], overlay=Overlay(lines=hunk))
    text = comment(page(about, models=(one,)))
    assert "```diff" not in text
    assert "… and 9,001 lines more: `modelctl render staging --ref bbbbbbbbbbbb`" in text


def test_many_metrics_are_cut_with_the_command_that_lists_them(make: SimpleNamespace) -> None:
    about = make.report(make.verdict(*make.GOOD))
    before, after = versions([f"metric_{n}" for n in range(30)])
    one = model_page(about.verdicts[0], comparison=compare(before, after))
    text = comment(page(about, models=(one,)))
    assert "… and 19 more: `modelctl diff tumor-classifier@1.0.0 tumor-classifier@1.1.0`" in text


def test_without_reviews_the_notes_say_who_is_asked(make: SimpleNamespace) -> None:
    text = comment(page(make.everything(), approvals=None))
    assert "approvals needed: 1 ml-lead of oncology-ml (grace or linus)" in text
    quiet = replace(make.everything(), notes=())
    assert "Approvals" not in comment(page(quiet, approvals=None))
    assert "Approvals" not in comment(page(quiet, approvals=approved(chosen={}, not_counted=())))


@pytest.mark.parametrize("number", [2, 50, 200, 600])
def test_it_stays_readable_and_within_the_limit(make: SimpleNamespace, number: int) -> None:
    found = [*make.GOOD, make.below_the_threshold(), make.unmeasured(), make.waived()]
    text = comment(many(number, found), repository=REPOSITORY)
    assert len(text) <= LIMIT
    whole(text)
    assert f"**{number} versions** → **staging** · {number} of them blocked" in text
    rows = text.count("| ❌ | **model")
    assert rows == min(number, 250)
    left = re.search(r"\*\*Left out.*", text)
    assert (left is not None) == (number > 2)
    if left:
        assert "the check run `promotion-gate`" in left[0]
        assert "modelctl render staging --ref bbbbbbbbbbbb" in left[0]


def test_what_is_left_out_is_counted_to_the_last_part(make: SimpleNamespace) -> None:
    number = 200
    text = comment(many(number, [*make.GOOD]), repository=REPOSITORY)
    left = re.search(r"\*\*Left out.*", text)
    assert left is not None
    counts = {noun: int(n) for n, noun in re.findall(r"(\d+) ([a-z]+(?: of [a-z]+)?)", left[0])}
    assert text.count("<summary>Checklist") + counts.get("checklists", 0) == number
    assert text.count("What will be rendered") + counts["diffs of manifests"] == number


def test_many_blocked_versions_are_told_by_gate(make: SimpleNamespace) -> None:
    text = comment(many(40, [make.below_the_threshold(), make.unmeasured()]))
    assert "| ❌ | `classification-quality` | model-000@&#8203;1.1.0, " in text
    assert "and 37 more" in text


@given(limit=st.integers(2500, 20_000))
@settings(max_examples=25, deadline=None)
def test_no_part_is_cut_in_the_middle(make: SimpleNamespace, limit: int) -> None:
    for found in pages(make).values():
        text = comment(found, repository=REPOSITORY, limit=limit)
        assert len(text) <= limit
        whole(text)


def whole(text: str) -> None:
    """That nothing is open at the end, and each row of a table has its cells."""
    tokens = PARSER.parse(text)
    tags = "".join(t.content for t in tokens if t.type == "html_block")
    assert tags.count("<details>") == tags.count("</details>")
    assert all(
        token.map is None or token.markup != "```" or _closed(text, token) for token in tokens
    )
    tables = [t for t in tokens if t.type == "table_open"]
    heads = sum(1 for line in text.splitlines() if re.fullmatch(r"\|( --- \|)+", line))
    assert len(tables) == heads
    assert text.rstrip().endswith("</sub>")


def _closed(text: str, fence: Token) -> bool:
    assert fence.map is not None
    return text.splitlines()[fence.map[1] - 1].startswith("```")


def prose(text: str) -> str:
    """What GitHub reads as words: all but code, and our own tags."""
    tokens = [child for token in PARSER.parse(text) for child in (token.children or [token])]
    words = [unescape(TAGS.sub("", t.content)) for t in tokens if t.type in READ]
    return "\n".join(words).replace(COMMENT_MARKER, "")


HOSTILE = [
    "@acme/team #1 GH-7 https://evil.example www.evil.example :tada: $x$",
    "[x](https://evil.example) ![x](y) <script>alert(1)</script> </details> --> <!--",
    "`a` ``b`` ``` ~~~ | a | b | \n## Ready to merge\n- [x] done",
    'x"]\n    bar [1]\n```\nend %%{init: {}}%% #quot; accuracy',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_somebody_wrote_acts(make: SimpleNamespace, text: str) -> None:
    finding = Finding(
        gate=text,
        outcome=Outcome.FAIL,
        message=text,
        rule=text,
        because=text,
        values={text: text},
        mend=text,
        command=text,
        quote=text,
    )
    subject = Subject(model=text, version=text, environment=text)
    verdicts = tuple(Verdict(subject=subject, findings=(finding,)) for _ in range(2))
    before, after = versions([text])
    evaluations = measured("1.0.0", 0.9, 0.9), measured("1.1.0", 0.9, 0.95)
    named = [
        replace(e, predicate={**e.predicate, "metrics": {text: 0.5, f"{text} accuracy": 0.6}})
        for e in evaluations
    ]
    one = model_page(
        verdicts[0],
        served=text,
        stage=text,
        stage_after=text,
        comparison=compare(before, after, (named[0], named[1])),
        overlay=Overlay(lines=("@@ x @@", f"+{text}")),
    )
    about = Report(title=text, verdicts=verdicts, notes=(text,))
    found = page(about, author=text, base=text, environment=text, models=(one, one), approvals=None)
    shown = comment(found, repository=REPOSITORY)
    whole(shown)
    assert not ACTS.findall(prose(shown))
    assert [t.tag for t in PARSER.parse(shown) if t.type == "heading_open"].count("h2") == 1


def test_soaking_ends_when_the_last_does(make: SimpleNamespace) -> None:
    later = replace(make.soaking(), until=make.NOW + timedelta(days=3))
    about = make.report(make.verdict(make.soaking(), later))
    assert "soak until 2026-11-23 10:53 UTC" in comment(page(about))


def test_many_waivers_are_counted(make: SimpleNamespace) -> None:
    text = comment(many(20, [*make.GOOD, make.waived()]))
    assert text.count("is waived by grace") == 6
    assert "- … and 14 more" in text
