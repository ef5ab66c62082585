"""Markdown: rendered by a real parser, foreign text changes nothing but words."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import pytest
from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from modelctl.domain.verdict import Finding, Outcome, Report
from modelctl.report import gfm
from modelctl.report.markdown import LIMIT, render

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = {
    "text", "code_inline", "strong_open", "strong_close", "html_inline", "softbreak",
    "link_open", "link_close",
}  # fmt: skip
MENTION = re.compile(r"(?<![\w`])[@#]\w|GH-\d|://|www\.|:\w+:|\$\w", re.IGNORECASE)


def blocks(text: str) -> list[tuple[str, str, str]]:
    """The structure: each block with its tag and, for a fence, its language."""
    return [(t.type, t.tag, t.info) for t in PARSER.parse(text)]


def inlines(text: str) -> list[Token]:
    return [child for token in PARSER.parse(text) for child in token.children or ()]


def many(make: SimpleNamespace, number: int, **details: Any) -> Report:
    findings = [
        Finding(gate=f"gate-{n}", outcome=Outcome.FAIL, message=f"problem {n}", **details)
        for n in range(number)
    ]
    return make.report(make.verdict(*findings, *make.passing("a", "b")))


@pytest.mark.parametrize("name", ["everything", "several", "passes", "unjudged", "nothing"])
def test_golden(make: SimpleNamespace, golden: Callable[[str, str], None], name: str) -> None:
    golden(f"markdown-{name}.md", render(make.REPORTS[name]()))


def test_places_are_linked_where_the_repository_is_known(
    make: SimpleNamespace, golden: Callable[[str, str], None]
) -> None:
    text = render(make.everything(), repository="https://github.com/acme/models")
    golden("markdown-linked.md", text)
    targets = [t.attrGet("href") for t in inlines(text) if t.type == "link_open"]
    assert f"https://github.com/acme/models/blob/{'b' * 40}/{make.MANIFEST}#L31" in targets
    assert all(str(t).startswith("https://github.com/acme/models/blob/") for t in targets)
    assert "](" not in render(make.everything())


def test_the_verdict_is_the_first_line(make: SimpleNamespace) -> None:
    first = render(make.everything()).splitlines()[0]
    assert first == "## ❌ tumor-classifier@&#8203;1.1.0 → staging blocked: 5 of 13 gates"


def test_what_passes_is_folded(make: SimpleNamespace) -> None:
    text = render(make.everything())
    folded = text[text.index("<details>") : text.index("</details>")]
    assert "7 gates pass" in folded
    assert "`quarantine`" in folded
    assert "`explainability`" not in folded
    assert "classification-quality" not in folded


@pytest.mark.parametrize("number", [1, 60, 500, 5000])
def test_a_report_keeps_to_the_limit_and_counts_what_it_leaves_out(
    make: SimpleNamespace, number: int
) -> None:
    report = many(make, number, mend="mend it", command="make it so", because="it is bad")
    text = render(report)
    assert len(text) <= LIMIT
    shown = text.count("#### ❌")
    left = re.search(r"… and ([\d,]+) finding", text)
    passing = text.count("| ✅ |")
    assert shown + passing + (int(left[1].replace(",", "")) if left else 0) == number + 2
    assert text.count("<details>") == text.count("</details>")
    assert text.rstrip().endswith("</sub>")


@given(limit=st.integers(1500, 9000))
@settings(max_examples=30, deadline=None)
def test_no_block_is_cut_in_the_middle(make: SimpleNamespace, limit: int) -> None:
    text = render(make.everything(), limit=limit)
    assert len(text) <= limit
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")
    cells = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert cells <= {4}


def test_a_field_without_end_is_cut(make: SimpleNamespace) -> None:
    text = render(many(make, 3, mend="x" * 100_000, quote="y" * 100_000))
    assert len(text) < 5_000


def test_a_table_without_end_is_cut_with_a_count(make: SimpleNamespace) -> None:
    text = render(make.report(make.verdict(*make.passing(*(f"g{n}" for n in range(130))))))
    assert "… and 30 gates more." in text
    assert text.count("| ✅ |") == 100


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "<script>alert(1)</script>",
        "</details>",
        "@octocat and @acme/team",
        "#1 and acme/models#2 and GH-3",
        "https://evil.example and www.evil.example",
        "[text](https://evil.example)",
        "![image](https://evil.example/a.png)",
        "`code`",
        "# heading",
        "- item",
        "1. item",
        "> quote",
        "---",
        "===",
        "    code",
        ":tada:",
        "$x$",
        "&lt;b&gt;",
        "**bold** _it_ ~~no~~",
        "<!-- hidden",
        "back\\slash",
        "C:\\|",
    ],
)
def test_plain_text_stays_plain(text: str) -> None:
    for written in (gfm.plain(text), f"**{gfm.plain(text)}**", gfm.row(gfm.plain(text))):
        tokens = PARSER.parse(written)
        assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"]
        kinds = {c.type for c in tokens[1].children or ()}
        assert kinds <= {"text", "text_special", "strong_open", "strong_close"}
        assert not MENTION.search(shown(tokens))
    seen = shown(PARSER.parse(gfm.plain(text))).replace("\u200b", "")
    assert seen == text.strip()


def shown(tokens: list[Token]) -> str:
    """The words that a reader sees outside code."""
    return "\n".join(
        "".join(child.content for child in token.children if child.type != "code_inline")
        for token in tokens
        if token.children
    )


@given(data=st.data())
def test_code_stays_code(hostile: SimpleNamespace, data: st.DataObject) -> None:
    text = data.draw(hostile.text)
    children = inlines(gfm.code(text))
    assert [t.type for t in children] in (["code_inline"], ["text"])
    assert children[0].type == "code_inline" or children[0].content == "–"


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_foreign_text_changes_no_structure(
    hostile: SimpleNamespace, tame: Callable[[Report], Report], data: st.DataObject
) -> None:
    report = data.draw(hostile.reports)
    text = render(report)
    assert blocks(text) == blocks(render(tame(report)))
    assert {t.type for t in inlines(text)} <= OURS | {"text_special"}
    html = {t.content for t in inlines(text) if t.type == "html_inline"}
    assert html <= {"<sub>", "</sub>", "<details>", "</details>", "<summary>", "</summary>"}
    assert not MENTION.search(shown(PARSER.parse(text)))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_foreign_text_chooses_no_link(hostile: SimpleNamespace, data: st.DataObject) -> None:
    text = render(data.draw(hostile.reports), repository="https://github.com/acme/models")
    for token in inlines(text):
        if token.type == "link_open":
            href = str(token.attrGet("href"))
            assert urljoin("https://elsewhere.example", href) == href
            assert href.startswith("https://github.com/acme/models/blob/")
