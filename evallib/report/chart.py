"""The chart as a piece: headline, subtitle, picture, alternative text, data, download, source."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from evallib.report.formats import format_bytes, true_minus
from evallib.report.markup import escape, piece, slugify
from evallib.report.tables import Table

LONGEST_HEADLINE = 10


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that reads well in JupyterLab and in a page, also without seeing it.

    Parameters
    ----------
    headline : str
        The finding, in at most ten words.
    subtitle : str
        The statistic: measure and unit, coverage, period.
    alt : str
        What the picture shows, in one or two sentences; that the data table follows is added.
    source : str
        Where the figures come from, without the word 'Source'.
    data : pandas.DataFrame
        The figures that are drawn, one row a mark.
    svg : str
        The picture, as `evallib.report.drawing.to_svg` returns it.
    slug : str
        Identifier for links and file names; by default made from the headline.
    notes : tuple of str
        Notes under the data table.
    units, decimals, labels : optional
        As in `Table`, for the data table.

    Raises
    ------
    ValueError
        Where the headline has more than ten words, or a text is missing.
    """

    headline: str
    subtitle: str
    alt: str
    source: str
    data: pd.DataFrame = field(repr=False)
    svg: str = field(repr=False)
    slug: str = ""
    notes: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    decimals: int | Mapping[str, int] = 2
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a chart that lacks a text, or whose headline is too long to be read at once."""
        for name in ("headline", "subtitle", "alt", "source"):
            if not str(getattr(self, name)).strip():
                raise ValueError(f"a chart needs its {name}")
        for name in ("headline", "subtitle", "alt"):
            object.__setattr__(self, name, true_minus(getattr(self, name)))
        words = len(self.headline.split())
        if words > LONGEST_HEADLINE:
            raise ValueError(
                f"the headline '{self.headline}' has {words} words; "
                f"say the finding in at most {LONGEST_HEADLINE}"
            )
        object.__setattr__(self, "data", self.data.copy())
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "slug", self.slug or slugify(self.headline))

    def __repr__(self) -> str:
        """Return one line of plain text."""
        return f"Chart: {self.headline} ({self.subtitle})"

    @property
    def table(self) -> Table:
        """The data of the chart as a table."""
        return Table(
            self.data,
            f"Data for the chart '{self.headline}'",
            notes=self.notes,
            slug=f"chart-{self.slug}",
            units=self.units,
            decimals=self.decimals,
            labels=self.labels,
        )

    def to_csv(self) -> str:
        """Return the data as CSV text, text cells neutralised."""
        return self.table.to_csv()

    def to_svg_file(self) -> str:
        """Return the picture as a file of its own, with its title and alternative text."""
        opening = '<svg xmlns="http://www.w3.org/2000/svg" '
        return self._named_svg("chart", self.alt).replace("<svg ", opening, 1) + "\n"

    def to_html(self) -> str:
        """Return the figure, without the outer piece."""
        name = f"chart-{self.slug}"
        alt = f"{self.alt.rstrip()} The figures are in the data table under the chart."
        return (
            f'<figure id="{name}" aria-labelledby="{name}-headline">'
            f'<figcaption><p class="ev-headline" id="{name}-headline">'
            f'<span class="ev-figure-number"></span><strong>{escape(self.headline)}</strong></p>'
            f'<p class="ev-subtitle">{escape(self.subtitle)}</p></figcaption>'
            f'<div class="ev-scroll ev-svg" tabindex="0" role="region" '
            f'aria-label="Chart: {escape(self.headline)}">{self._named_svg(name, alt)}</div>'
            f'<p class="ev-source">Source: {escape(self.source)}</p>'
            f"<details><summary>Show the data table</summary>{self.table.to_html()}</details>"
            f"<p>{self._download_link()}</p></figure>"
        )

    def _repr_html_(self) -> str:
        return piece(self.to_html(), kind="chart")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _named_svg(self, name: str, alt: str) -> str:
        title = f'<title id="{name}-title">{escape(self.headline)}</title>'
        description = f'<desc id="{name}-desc">{escape(alt)}</desc>'
        opening = f'<svg role="img" aria-labelledby="{name}-title {name}-desc" '
        head, _, rest = self.svg.replace("<svg ", opening, 1).partition(">")
        return f"{head}>{title}{description}{rest}"

    def _download_link(self) -> str:
        content = self.to_csv().encode("utf-8")
        address = "data:text/csv;charset=utf-8;base64," + base64.b64encode(content).decode("ascii")
        return (
            f'<a download="{self.slug}.csv" href="{address}">'
            f"Download the data (CSV, {format_bytes(len(content))})"
            f'<span class="ev-hidden"> for the chart: {escape(self.headline)}</span></a>'
        )
