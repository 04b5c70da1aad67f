"""Markdown: headings in order, equations as MathML, nothing that runs or loads."""

from __future__ import annotations

import re

import pytest

from evallib.report.markdown import Headings, render_markdown
from evallib.report.markup import find_trouble, piece


@pytest.mark.parametrize(
    ("written", "levels"),
    [
        ([1, 2, 3], [2, 2, 3]),
        ([2, 4, 6], [2, 3, 4]),
        ([3, 3, 2], [2, 3, 2]),
        ([2, 3, 2, 5], [2, 3, 2, 3]),
        ([6], [2]),
    ],
)
def test_headings_skip_no_level(written: list[int], levels: list[int]) -> None:
    headings = Headings()
    text = "\n\n".join(f"{'#' * level} Part" for level in written)
    html = render_markdown(text, headings)
    assert [int(level) for level in re.findall(r"<h(\d)", html)] == levels
    names = re.findall(r'id="([^"]+)"', html)
    assert len(names) == len(set(names)) == len(written)


@pytest.mark.parametrize(
    ("text", "never", "shown"),
    [
        ("<script>alert(1)</script>", "<script", "&lt;script&gt;"),
        ("a <b onclick='x'>b</b>", "<b ", "&lt;b "),
        ("[x](javascript:alert(1))", "javascript", "x"),
        ("![A map](https://x.example/a.png)", "<img", "[Picture: A map]"),
        ("[next](04_effect.ipynb)", ".ipynb", 'href="04_effect.html"'),
        ("$\\hat\\beta_1$", "$", "<math"),
        ("$$\\frac{1}{2}$$", "$", 'display="block"'),
        ("$\\frac{$", "<math", "<code>"),
    ],
)
def test_nothing_runs_or_loads(text: str, never: str, shown: str) -> None:
    html = render_markdown(text, Headings())
    assert never not in html
    assert shown in html


def test_a_table_in_text_has_caption_and_scope() -> None:
    html = render_markdown("## Terms\n\n| a | b |\n|---|--:|\n| 1 |  |\n", Headings())
    assert html.count('scope="col"') == 2
    assert "Terms</span></caption>" in html
    assert "not applicable" in html


@pytest.mark.parametrize(
    "inner",
    [
        "<script>1</script>",
        "<p onclick='x'>x</p>",
        "<img src='a.png'>",
        "<a href='javascript:x'>x</a>",
        "<a href='java\tscript:x'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<iframe></iframe>",
        "<svg><use href='http://x.example/a'></use></svg>",
        "<p style='background:url(http://x.example)'>x</p>",
        "<style>@import 'x'</style>",
        "<form><input></form>",
    ],
)
def test_a_marked_fragment_may_hold_nothing_that_runs_or_loads(inner: str) -> None:
    assert find_trouble(piece(inner)) != ""


@pytest.mark.parametrize("html", ["<p>x</p>", "", "<table border='1'></table>"])
def test_a_fragment_without_the_mark_is_not_a_piece(html: str) -> None:
    assert find_trouble(html) != ""
