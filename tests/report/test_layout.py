"""What is shown of a long page: the most important first, parts whole, the rest counted."""

from __future__ import annotations

from hypothesis import given, strategies as st

from modelctl.report.layout import Kind, Part, Section, lay_out

PARTS = st.lists(st.builds(Part, st.sampled_from(Kind), st.text("x", max_size=40)), max_size=6)
SECTIONS = st.lists(
    st.builds(Section, parts=PARTS, start=st.sampled_from(["", "start"]), end=st.just("end")),
    max_size=5,
)


def test_the_last_kinds_are_left_out_first() -> None:
    first = Section(parts=[Part(Kind.OVERLAY, "o" * 30), Part(Kind.GATES, "g" * 30)])
    other = Section(parts=[Part(Kind.METRICS, "m" * 30)])
    found = lay_out([first, other], 64)
    assert found.texts == ("g" * 30, "m" * 30)
    assert found.left == {Kind.OVERLAY: 1}


def test_a_section_without_parts_is_not_there() -> None:
    assert lay_out([Section(parts=[], start="start", end="end")], 99).texts == ()
    full = Section(parts=[Part(Kind.FACTS, "x" * 10)], start="start", end="end")
    assert lay_out([full], 15).texts == ()
    assert lay_out([full], 99).texts == ("start", "x" * 10, "end")


@given(SECTIONS, st.integers(0, 400))
def test_it_never_takes_more_room_and_counts_what_it_leaves(
    sections: list[Section], room: int
) -> None:
    found = lay_out(sections, room)
    assert found.size <= room
    parts = [part.text for section in sections for part in section.parts]
    shown = [text for text in found.texts if text not in ("start", "end")]
    assert len(shown) + sum(found.left.values()) + parts.count("") >= len(parts)
    assert all(text in parts for text in shown)
