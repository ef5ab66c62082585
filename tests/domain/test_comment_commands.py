"""Commands in comments: what is one, what is a mistake, and what is just a comment."""

from __future__ import annotations

import pytest

from modelctl.domain.comment_commands import (
    LONGEST,
    Check,
    Command,
    Explain,
    Help,
    Mistake,
    Waive,
    parse_comment,
)


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("/modelctl check", Check()),
        ("/modelctl  check  ", Check()),
        ("/modelctl check\r\nsince the evidence is there now", Check()),
        ("/modelctl help", Help()),
        ("/modelctl explain fairness", Explain(gate="fairness")),
        (
            "/modelctl waive fairness --approver lena the small group gets its own model",
            Waive(gate="fairness", approver="lena", reason="the small group gets its own model"),
        ),
        (
            "/modelctl waive churn-predictor@1.2.0-rc.1 load --days 10 --env dev --env=staging "
            '--approver=@lena-1 it\'s "slow" $(id) `id` --days 3',
            Waive(
                gate="load",
                approver="lena-1",
                reason='it\'s "slow" $(id) `id` --days 3',
                version="churn-predictor@1.2.0-rc.1",
                days=10,
                environments=("dev", "staging"),
            ),
        ),
    ],
)
def test_a_command_is_read(body: str, command: Command) -> None:
    assert parse_comment(body) == command


@pytest.mark.parametrize(
    "body",
    [
        "",
        "looks good",
        "> /modelctl check",
        " /modelctl check",
        "thanks\n/modelctl check",
        "```\n/modelctl check\n```",
        "<!--\n/modelctl check\n-->",
        "/modelctlcheck",
        "/Modelctl check",
        "\ufeff/modelctl check",
        "/modelctl\tcheck",
        "/modelctl\u00a0check",
    ],
)
def test_what_is_no_command_is_a_comment(body: str) -> None:
    assert parse_comment(body) is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "no such command"),
        ("merge", "no such command"),
        ("CHECK", "no such command"),
        ("check now", "check takes nothing"),
        ("help me", "help takes nothing"),
        ("explain", "name of one gate"),
        ("explain two gates", "name of one gate"),
        ("explain ../etc", "name of one gate"),
        ("explain Fairness", "name of one gate"),
        ("waive", "the name of a gate"),
        ("waive *", "the name of a gate"),
        ("waive a/b --approver lena because", "the name of a gate"),
        ("waive model@1.0.0 load --approver lena because", "MODEL@VERSION"),
        ("waive churn-predictor@latest load --approver lena because", "MODEL@VERSION"),
        ("waive churn-predictor@1.0.0", "the name of a gate"),
        ("waive load because", "--approver LOGIN"),
        ("waive load --approver lena", "say why"),
        ("waive load --approver", "login of one person"),
        ("waive load --approver -x because", "login of one person"),
        ("waive load --approver lena --approver ben because", "login of one person"),
        ("waive load --approver a,b because", "login of one person"),
        ("waive load --days 0 --approver lena because", "--days takes"),
        ("waive load --days -1 --approver lena because", "--days takes"),
        ("waive load --days 1e3 --approver lena because", "--days takes"),
        ("waive load --days ٣ --approver lena because", "--days takes"),
        ("waive load --days 3 --days 4 --approver lena because", "--days takes"),
        ("waive load --env dev --env dev --approver lena because", "--env takes"),
        ("waive load --env Dev --approver lena because", "--env takes"),
        ("waive load --reason x --approver lena because", "the options of waive"),
        ("waive load --approver lena because\u202e", "can't be seen"),
        ("waive load --approver lena because\u2028more", "can't be seen"),
        ("waive load --approver lena be\x00cause", "can't be seen"),
        ("waive load --approver lena be\rcause", "can't be seen"),
        (f"waive load --approver lena {'x' * LONGEST}", "longer than"),
    ],
)
def test_a_mistake_is_told_without_a_word_of_it(line: str, says: str) -> None:
    found = parse_comment(f"/modelctl {line}")
    assert isinstance(found, Mistake)
    assert says in found.message
    assert "lena" not in found.message
    assert "xx" not in found.message
