"""Pictures: the palette, a plain style, and SVG that is the same at every run."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from evallib.report.markup import slugify

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The Analysis Function's categorical palette, in its order.
PALETTE = ("#12436D", "#28A197", "#801650", "#F46A25", "#3D3D3D", "#A285D1")
INK = "#0B0C0C"
GREY = "#595959"
RULE = "#B1B4B6"
MARKERS = ("o", "s", "D", "^")
WIDTH = 640.0
FONT_SIZE = 14.0
_FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
_LONG_NUMBER = re.compile(r"(\d\.\d\d)\d+")
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#D9DBDC",
    "grid.linewidth": 1.0,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "xtick.major.pad": 6.0,
    "ytick.major.pad": 6.0,
    "lines.linewidth": 2.5,
    "lines.markersize": 8.0,
    "hatch.linewidth": 1.2,
    "figure.dpi": 72.0,
    "savefig.dpi": 72.0,
    "svg.image_inline": True,
    "legend.frameon": False,
}


@contextmanager
def plain_style(slug: str) -> Iterator[None]:
    """Draw in the reports' style, whatever the session's own settings are.

    Parameters
    ----------
    slug : str
        Identifier of the chart: makes the names inside the SVG the same at every run.
    """
    import matplotlib as mpl

    settings: Any = {**_STYLE, "svg.hashsalt": slug}
    with mpl.rc_context(settings):
        yield


def new_axes(height: float, *, width: float = WIDTH) -> tuple[Figure, Axes]:
    """Return a figure and its axes; one unit of the SVG is one CSS pixel at full width.

    Parameters
    ----------
    height, width : float
        Size in pixels.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=4 / 72, h_pad=4 / 72)
    figure = Figure(figsize=(width / 72, height / 72), layout=layout)
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def to_svg(figure: Figure, slug: str) -> str:
    """Return a figure as SVG to put into a page: no date, no foreign names, unique identifiers.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure, drawn within `plain_style`.
    slug : str
        Identifier of the chart; begins every identifier inside.

    Returns
    -------
    str
        One ``<svg>`` element with a viewBox and without width and height.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<style type="text/css">.*?</style>', "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*</defs>", "", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = text.replace("xlink:href", "href")
    text = re.sub(r" font-family: [^;\"]*;?", "", text)
    text = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", text)
    text = re.sub(r"<[^>]+>", lambda tag: _LONG_NUMBER.sub(r"\1", tag.group()), text)
    view_box = re.search(r'viewBox="([^"]+)"', text)
    opening = (
        f'<svg viewBox="{view_box.group(1) if view_box else "0 0 640 400"}" '
        f'style="font-family:{_FONT};stroke-linejoin:round;stroke-linecap:butt">'
    )
    text = opening + text[text.index(">") + 1 :]
    return re.sub(r"\n\s*", "\n", _own_identifiers(text, slugify(slug)))


def _own_identifiers(text: str, slug: str) -> str:
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    names = [name for name in re.findall(r'\bid="([^"]+)"', text)]
    new = {name: f"{slug}-{place}" for place, name in enumerate(n for n in names if n in used)}
    text = re.sub(
        r'\s*\bid="([^"]+)"',
        lambda match: f' id="{new[match.group(1)]}"' if match.group(1) in new else "",
        text,
    )
    return re.sub(
        r'(href="|url\()#([^")]+)',
        lambda match: f"{match.group(1)}#{new.get(match.group(2), match.group(2))}",
        text,
    )


def label_lines(axes: Axes, ends: Sequence[tuple[float, float, str]], *, gap: float) -> None:
    """Write the name of each line at its end, moved apart where they would touch, and off the axis.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Axes whose limits are settled.
    ends : sequence of (x, y, text)
        The last point of each line and its name.
    gap : float
        Height of a line of a label, in units of the vertical axis.
    """
    placed = sorted(ends, key=lambda end: end[1])
    heights = [end[1] for end in placed]
    tall = [gap * (1 + end[2].count("\n")) for end in placed]
    apart = [(below + above) / 2 for below, above in pairwise(tall)]
    for _ in range(50):
        for low, least in enumerate(apart):
            overlap = least - (heights[low + 1] - heights[low])
            if overlap > 1e-9:
                heights[low] -= overlap / 2
                heights[low + 1] += overlap / 2
    lowest = axes.get_ylim()[0] + gap / 2  # clear of what stands under the axis
    for place, height in enumerate(heights):
        heights[place] = max(height, lowest)
        lowest = heights[place] + (apart[place] if place < len(apart) else 0.0)
    for (x, _y, text), height in zip(placed, heights, strict=True):
        lines = text.split("\n")
        for number, line in enumerate(lines):
            axes.annotate(
                line,
                (x, height),
                xytext=(12, ((len(lines) - 1) / 2 - number) * 18.0),
                textcoords="offset points",
                va="center",
                annotation_clip=False,
            )


def close_gaps(low: float, high: float, *, share: float = 0.08) -> tuple[float, float]:
    """Return limits a little wider than the data, never of no width.

    Examples
    --------
    >>> close_gaps(0.0, 10.0, share=0.1)
    (-1.0, 11.0)
    """
    width = high - low
    margin = share * width if width > 0 else 1.0
    return low - margin, high + margin
