"""Markdown as GitHub shows it, and nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from forge.markdown import ATTRIBUTES, TAGS, VOID, render, sanitized
from forge.mermaid import parsed

CHART = """\
```mermaid
---
config:
  themeVariables:
    xyChart:
      plotColorPalette: "#b6d4fe, #4a8fe7"
---
xychart-beta horizontal
    x-axis ["f1", "accuracy"]
    y-axis "change <in> %" -5 --> 5
    bar [2.5, -1]
    line [0, 0]
```
"""


def test_what_github_adds_to_markdown_is_drawn() -> None:
    text = render(
        "| a | b |\n|--|:-:|\n| 1 | 2 |\n\n- [x] done\n- [ ] open\n\n~~old~~ <sub>small</sub>"
    )
    assert '<th style="text-align:center">b</th>' in text
    assert '<li class="task-list-item"><input type="checkbox" disabled checked> done</li>' in text
    assert '<input type="checkbox" disabled> open' in text
    assert "<s>old</s> <sub>small</sub>" in text


def test_details_fold_markdown() -> None:
    text = render("<details><summary>More & <b>more</b></summary>\n\n**bold**\n\n</details>")
    assert text.startswith("<details><summary>More &amp; <b>more</b></summary>")
    assert "<p><strong>bold</strong></p>" in text
    assert text.endswith("</details>")


def test_a_comment_of_html_is_not_shown() -> None:
    assert render("<!-- marker -->\n## Title") == "\n<h2>Title</h2>\n"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\tscript:alert(1)'>x</a>",
        "<a href='&#106;avascript:alert(1)'>x</a>",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<svg onload=alert(1)>",
        "<style>body{display:none}</style>",
        "<iframe src=//example.com></iframe>",
        '<td style="position:fixed">x</td>',
        "<details ontoggle=alert(1) open>x</details>",
        "<p><b title=`<script>`>",
        "<input type=text autofocus onfocus=alert(1)>",
        "`<script>`\n\n    <script>x</script>\n\n```\n<script>\n```",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<scr<script>ipt>alert(1)</script>",
        "<form action=//example.com><button>x",
    ],
)
def test_nothing_acts(text: str) -> None:
    assert not problems(render(text))


@given(
    st.lists(
        st.sampled_from(
            [
                *("<script>", "</script>", "<b", "</b>", "<a href=", "javascript:", ">", '"', "'"),
                *("<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "`", "<details>", "</details>"),
                *("</div>", "<img src=x onerror=x", "<p>", "&lt;", "&#60;", "|", "[x](", ")"),
                *("\n\n", "<style>", "```mermaid\n", "```", "x"),
            ]
        ),
        max_size=12,
    )
)
def test_nothing_acts_whatever_is_put_together(pieces: list[str]) -> None:
    for separator in ("", " "):
        assert not problems(render(separator.join(pieces)))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {"figure", "figcaption", "svg", "rect", "line", "text", "polyline"}
        if tag not in TAGS | own:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            allowed = ATTRIBUTES.get(tag, set()) | {"rel"}
            if tag not in own | {"input"} and name not in allowed:
                self.found.append(f"{tag} {name}")
            if name in {"href", "src"} and re.match(r"\W*(javascript|data|vbscript)", value or ""):
                self.found.append(f"{tag} {value}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.found.append(f"</{tag}>")


def problems(text: str) -> list[str]:
    """What acts in it, or isn't closed where it was opened."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.found + reader.open


def test_the_tags_of_a_comment_do_not_close_those_of_the_page() -> None:
    assert sanitized("<div>x</div></div></article>") == "<div>x</div>&lt;/article&gt;"
    assert sanitized("<b><i>x") == "<b><i>x</i></b>"


def test_a_chart_of_bars_is_drawn() -> None:
    text = render(CHART)
    assert text.count("<rect") == 2
    assert 'fill="#b6d4fe"' in text
    assert "change &lt;in&gt; %" in text
    assert "<details><summary>Source</summary><pre><code>---" in text


@pytest.mark.parametrize(
    "code",
    [
        'pie\n  "a": 1',
        "xychart-beta\n  bar [1]",
        'xychart-beta horizontal\n x-axis ["a"]\n y-axis "y" 0 --> 1\n bar [1, 2]',
        'xychart-beta horizontal\n x-axis ["a"]\n y-axis "y" 1 --> 0\n bar [1]',
        'xychart-beta horizontal\n x-axis ["a"]\n y-axis "y" 0 --> 1\n bar [x]',
        "",
    ],
)
def test_other_diagrams_stay_code(code: str) -> None:
    assert parsed(code) is None
    assert "here it is shown as its code" in render(f"```mermaid\n{code}\n```")
