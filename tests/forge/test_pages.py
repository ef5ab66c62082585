"""The pages: what they show, that nothing on them acts, that they can be taken away as files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from conftest import Place

COMMENT = """\
<!-- marker -->
## ✕ Blocked: quality

| gate | outcome |
| --- | --- |
| quality | fail |

<details><summary>Diff</summary>

```diff
- 1.0.0
+ 1.1.0
```

</details>
<script>alert("x")</script>
"""


def fetch(place: Place, path: str) -> httpx.Response:
    with httpx.Client(trust_env=False, verify=False) as plain:
        return plain.get(f"{place.forge.url}/acme/models{path}")


@pytest.fixture
def pull(place: Place) -> Place:
    """With pull request 1: a comment, a review, a failed check, labels, somebody who is asked."""
    sha = place.commit(
        "promote/tumor/1.1.0/staging", {"models/tumor/release.yaml": "version: <1>\n"}
    )
    place.forge.add_user("ada")
    place.forge.add_user("lena")
    with place.client("ben") as ben:
        body = {"title": "Promote <b>tumor</b>", "body": "- [x] a", "base": "main"}
        made = ben.post(
            "/repos/acme/models/pulls", json={**body, "head": "promote/tumor/1.1.0/staging"}
        )
        assert made.status_code == 201, made.text
    place.do("POST", "/issues/1/comments", 201, body=COMMENT)
    place.do("POST", "/issues/1/labels", labels=["gate: blocked"])
    place.do("POST", "/pulls/1/requested_reviewers", 201, reviewers=["lena"])
    with place.client("ada") as ada:
        review = {"event": "REQUEST_CHANGES", "body": "Too *early*."}
        assert ada.post("/repos/acme/models/pulls/1/reviews", json=review).is_success
    app = place.forge.add_app("modelctl", permissions={"checks": "write"})
    place.do("POST", "/rulesets", 201, **_ruleset(app.id))
    _publish(place, app.id, sha)
    return place


def _ruleset(app: int) -> dict[str, object]:
    checks = [{"context": "promotion-gate", "integration_id": app}]
    parameters = {"required_status_checks": checks, "strict_required_status_checks_policy": False}
    return {
        "name": "gate",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": [{"type": "required_status_checks", "parameters": parameters}],
    }


def _publish(place: Place, app: int, sha: str) -> None:
    from forge.auth import issue
    from support.forges import client

    annotation = {
        "path": "models/tumor/release.yaml",
        "start_line": 1,
        "end_line": 2,
        "annotation_level": "failure",
        "title": "F1",
        "message": "0.7 < 0.85",
    }
    output = {"title": "1 gate blocks", "summary": "**quality**", "annotations": [annotation]}
    body = {"name": "promotion-gate", "head_sha": sha, "conclusion": "failure", "output": output}
    token = issue(place.forge.state, place.forge.state.apps[app]).value
    with client(place.forge, token) as bot:
        made = bot.post("/repos/acme/models/check-runs", json=body)
        assert made.status_code == 201, made.text


def test_a_pull_request_is_shown_with_all_that_stands_on_it(pull: Place) -> None:
    page = fetch(pull, "/pull/1")
    assert page.status_code == 200
    for part in (
        "Promote &lt;b&gt;tumor&lt;/b&gt;",
        '<span class="branch">main</span>',
        "<td>quality</td>",
        "<summary>Diff</summary>",
        "requested changes",
        "<em>early</em>",
        "gate: blocked",
        "<strong>promotion-gate</strong>",
        "1 gate blocks",
        "models/tumor/release.yaml:1–2",
        "0.7 &lt; 0.85",
        "Merging is blocked",
        "version: &lt;1&gt;",
    ):
        assert part in page.text, part


def test_nothing_on_a_page_acts_or_is_from_elsewhere(pull: Place) -> None:
    page = fetch(pull, "/pull/1")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"<script|<link|<iframe|\son\w+=|src=", page.text)
    assert "&lt;script&gt;" in page.text


def test_lists_link_to_each(pull: Place) -> None:
    pull.do("POST", "/issues", 201, title="Drift")
    pulls, issues = fetch(pull, "/pulls").text, fetch(pull, "/issues").text
    assert 'href="/acme/models/pull/1"' in pulls
    assert "Drift" not in pulls
    assert 'href="/acme/models/issues/2"' in issues
    assert "tumor" not in issues
    assert "No description." in fetch(pull, "/issues/2").text


def test_a_merged_one_says_so(place: Place) -> None:
    place.commit("topic", {"a.txt": "a\n"})
    place.do("POST", "/pulls", 201, title="Add a", head="topic", base="main")
    assert "This branch can be merged" in fetch(place, "/pull/1").text
    merged = place.do("PUT", "/pulls/1/merge")
    page = fetch(place, "/pull/1").text
    assert f"Merged as {merged['sha'][:7]} into main" in page
    assert '<span class="state merged">Merged</span>' in page


def test_what_is_not_there_is_not_found(place: Place) -> None:
    assert fetch(place, "/pull/7").status_code == 404
    assert fetch(place, "/pull/x").status_code == 404


def test_pages_can_be_taken_away_as_files(pull: Place, tmp_path: Path) -> None:
    from forge.pages import export

    written = export(pull.forge.state, tmp_path / "pages")
    root = tmp_path / "pages" / "acme" / "models"
    assert sorted(written) == [root / "issues.html", root / "pull" / "1.html", root / "pulls.html"]
    for path in written:
        links = re.findall(r'href="([^"#:]+)(?:#[^"]*)?"', path.read_text())
        assert links
        assert [link for link in links if not (path.parent / link).is_file()] == []
