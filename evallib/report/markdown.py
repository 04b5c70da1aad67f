"""Markdown cells as HTML: headings in order, equations as MathML, nothing that runs or loads."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

import mistune
from mistune.plugins.math import math
from mistune.plugins.table import table

from evallib.report.markup import escape, slugify

_HEADING = re.compile(r"<h([1-6])([^>]*)>(.*?)</h[1-6]>", re.DOTALL)


@dataclass(slots=True)
class Headings:
    """Puts the headings of a page in order: none skips a level, each has its own identifier.

    Parameters
    ----------
    level : int
        Level of the heading that stands before the text; the first in it is one deeper at most.
    taken : set of str
        Identifiers of the page so far; those given out are added.
    """

    level: int = 1
    taken: set[str] = field(default_factory=set)
    found: list[tuple[int, str, str]] = field(default_factory=list)
    last_text: str = ""

    def add(self, level: int, inner: str) -> str:
        """Return the heading at the level that fits, with an identifier.

        Parameters
        ----------
        level : int
            Level as written, 1 to 6.
        inner : str
            Its HTML.
        """
        fitting = min(max(level, 2), self.level + 1, 6)
        self.level = fitting
        text = html.unescape(re.sub(r"<[^>]+>", "", inner)).strip()
        name, count = slugify(text), 1
        while name in self.taken:
            count += 1
            name = f"{slugify(text)}-{count}"
        self.taken.add(name)
        self.found.append((fitting, name, text))
        self.last_text = text
        return f'<h{fitting} id="{name}">{inner}</h{fitting}>\n'

    def reorder(self, fragment: str) -> str:
        """Return a fragment of HTML with its headings at levels that fit."""
        return _HEADING.sub(lambda match: self.add(int(match[1]), match[3]).strip(), fragment)


class _Renderer(mistune.HTMLRenderer):
    """Escapes raw HTML, loads no picture, and hands headings to `Headings`."""

    def __init__(self, headings: Headings) -> None:
        super().__init__(escape=True)
        self._headings = headings
        self._tables = 0

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return self._headings.add(level, text) if text.strip() else ""

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if url.endswith(".ipynb") and "://" not in url:
            url = f"{url.removesuffix('.ipynb')}.html"
        address = self.safe_url(url)
        if address == "#harmful-link":
            return text
        return f'<a href="{escape(html.unescape(address))}">{text}</a>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return f"<span>[Picture: {text or 'without a description'}]</span>"

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{escape(code.rstrip())}</code></pre>\n"


def to_mathml(latex: str, *, is_block: bool = False) -> str:
    r"""Return an equation as MathML, with its LaTeX as the alternative text.

    Parameters
    ----------
    latex : str
        The equation without its dollar signs.
    is_block : bool
        Whether it stands on a line of its own.

    Returns
    -------
    str
        A ``<math>`` element; the LaTeX as code where it cannot be read.

    Examples
    --------
    >>> to_mathml("x")[:5], to_mathml("x^{2}").count("msup") > 0
    ('<math', True)
    """
    from latex2mathml.converter import convert

    try:
        text = convert(latex.strip(), display="block" if is_block else "inline")
    except Exception:  # noqa: BLE001 - any LaTeX that the converter cannot read
        return f"<code>{escape(latex.strip())}</code>"
    return text.replace("<math ", f'<math alttext="{escape(latex.strip())}" ', 1)


def render_markdown(text: str, headings: Headings) -> str:
    """Return a Markdown cell as HTML.

    Parameters
    ----------
    text : str
        Markdown; raw HTML in it is shown as text.
    headings : Headings
        Keeps the order of headings over the page.

    Returns
    -------
    str
        HTML with headings from h2 down.

    Examples
    --------
    >>> render_markdown("#### Deep <b>", Headings()).strip()
    '<h2 id="deep-b">Deep &lt;b&gt;</h2>'
    """
    renderer = _Renderer(headings)
    reader = mistune.create_markdown(renderer=renderer, plugins=[table, math])
    renderer.register("inline_math", lambda _self, latex: to_mathml(latex))
    renderer.register("block_math", lambda _self, latex: to_mathml(latex, is_block=True) + "\n")
    renderer.register("table", lambda _self, inner: _captioned(inner, headings))
    renderer.register("table_cell", _scoped_cell)
    return str(reader(text))


def _scoped_cell(_self: object, text: str, align: str | None = None, head: bool = False) -> str:
    kind = ' class="ev-n"' if align == "right" else ""
    inner = text.strip() or "not applicable"
    return f'<th scope="col"{kind}>{inner}</th>\n' if head else f"<td{kind}>{inner}</td>\n"


def _captioned(inner: str, headings: Headings) -> str:
    name, count = "table-in-text", 1
    while f"{name}-{count}" in headings.taken:
        count += 1
    headings.taken.add(f"{name}-{count}")
    caption = headings.last_text or "As described in the text"
    return (
        f'<div class="ev-piece ev-table"><div class="ev-scroll" tabindex="0" role="region" '
        f'aria-labelledby="{name}-{count}"><table><caption id="{name}-{count}">'
        f'<span class="ev-caption"><span class="ev-table-number"></span>{escape(caption)}</span>'
        f"</caption>\n{inner}</table></div></div>\n"
    )
