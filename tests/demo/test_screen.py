from __future__ import annotations

import io

import pytest
from rich.console import Console

from demo.screen import Later, Screen


def screen(*, terminal: bool = False, width: int = 80) -> Screen:
    return Screen(
        Console(
            file=io.StringIO(),
            force_terminal=terminal,
            width=width,
            color_system="standard" if terminal else None,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )
    )


def text(one: Screen) -> str:
    out = one.console.file
    assert isinstance(out, io.StringIO)
    return out.getvalue()


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (0, 0, ["one", "two", "three", "four"]),
        (1, 0, ["one  ⋯ 3 more lines"]),
        (2, 0, ["one", "two", "⋯ 2 more lines"]),
        (0, 1, ["four  ⋯ 3 more lines"]),
        (1, 1, ["one", "⋯ 2 more lines", "four"]),
        (3, 0, ["one", "two", "three", "⋯ 1 more line"]),
        (2, 2, ["one", "two", "three", "four"]),
        (9, 0, ["one", "two", "three", "four"]),
    ],
)
def test_an_excerpt_says_what_it_leaves_out(first: int, last: int, shown: list[str]) -> None:
    one = screen()
    one.printed("one\ntwo\nthree\nfour\n", first, last)
    assert text(one) == "".join(f"  │ {line}\n" for line in shown)


def test_a_command_that_is_too_long_can_be_pasted_all_the_same() -> None:
    one = screen(width=60)
    one.console.width = 60
    command = "modelctl check --base origin/ml --head origin/feature/x --reviews ../pulls/1.json"
    one.typed("ci", command)
    first, *rest = text(one).splitlines()
    assert first.startswith("  ci$ modelctl check")
    pasted = " ".join(line.strip().removesuffix("\\").strip() for line in [first[6:], *rest])
    assert pasted == command
    assert len(rest) >= 1


def test_without_a_terminal_there_are_no_controls() -> None:
    one = screen()
    with one.chapter("A title", "What it is about."):
        one.typed("ada", "ls")
        one.printed("\x1b[31mred\x1b[0m")
        with one.working("it takes its time"):
            one.say("Said.")
    one.summary()
    assert "\x1b" not in text(one)
    assert "it takes its time" not in text(one)
    assert "A title" in text(one)


def test_on_a_terminal_colours_stay_as_they_were_printed() -> None:
    one = screen(terminal=True)
    one.printed("\x1b[31mred\x1b[0m plain")
    assert "\x1b[31mred" in text(one)
    assert "\x1b[2mplain" not in text(one)


def test_what_is_told_later_keeps_its_order() -> None:
    later, one = Later(), screen()
    later.say("First.")
    later.typed("ben", "git push")
    later.printed("one\ntwo")
    assert text(one) == ""
    later.tell(one)
    assert text(one) == "\nFirst.\n  ben$ git push\n  │ one\n  │ two\n"


def test_a_brief_account_leaves_git_out_and_shows_a_line_of_each_output() -> None:
    later, one = Later(brief=True), screen()
    later.typed("ben", "git push")
    later.typed("ben", "modelctl new")
    later.printed("one\ntwo")
    later.printed("one\ntwo", 0, 1)
    later.tell(one)
    shown = ["  ben$ modelctl new", "  │ one  ⋯ 1 more line", "  │ two  ⋯ 1 more line", ""]
    assert text(one) == "\n".join(shown)


def test_a_line_that_is_too_long_goes_on_in_the_next_one() -> None:
    one = screen()
    one.printed(f"short\n{' '.join(['word'] * 30)}\n{'x' * 120}")
    first, second, third, *more = text(one).splitlines()
    assert first == "  │ short"
    assert second == f"  │ {' '.join(['word'] * 20)}"
    assert third == f"  │     {' '.join(['word'] * 10)}"
    assert [line.count("x") for line in more] == [one.report_width - 4, 120 - one.report_width + 4]
