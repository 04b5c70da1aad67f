"""Sections: a heading, a few sentences and the pieces under it, shown as one object."""

from __future__ import annotations

from dataclasses import dataclass

from evallib.report.chart import Chart
from evallib.report.formats import true_minus
from evallib.report.markup import escape, piece
from evallib.report.tables import Table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with sentences and pieces under it, for one outcome or one question.

    Parameters
    ----------
    title : str
        The heading, at level 3; empty for none.
    sentences : tuple of str
        Paragraphs under the heading, as plain text.
    pieces : tuple of Table and Chart
        What follows, in order.
    points : tuple of (str, str)
        Paragraphs that begin with a few words in bold, after the pieces.
    """

    title: str
    sentences: tuple[str, ...] = ()
    pieces: tuple[Table | Chart, ...] = ()
    points: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Return one line of plain text."""
        return f"Section: {self.title} ({len(self.pieces)} tables and charts)"

    def to_html(self) -> str:
        """Return the section without the outer piece."""
        head = f"<h3>{escape(self.title)}</h3>" if self.title else ""
        text = "".join(f"<p>{escape(true_minus(sentence))}</p>" for sentence in self.sentences)
        points = "".join(
            f"<p><strong>{escape(lead)}</strong> {escape(true_minus(rest))}</p>"
            for lead, rest in self.points
        )
        return head + text + "".join(one.to_html() for one in self.pieces) + points

    def _repr_html_(self) -> str:
        return piece(self.to_html(), kind="section")


@dataclass(frozen=True, slots=True)
class Sections:
    """Sections that follow each other, such as one an outcome."""

    items: tuple[Section, ...]

    def __repr__(self) -> str:
        """Return one line of plain text."""
        return f"Sections: {len(self.items)}"

    def _repr_html_(self) -> str:
        return piece("".join(one.to_html() for one in self.items), kind="sections")
