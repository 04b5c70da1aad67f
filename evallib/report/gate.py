"""The gate: what a page must have before it is written, each fault with its place and remedy."""

from __future__ import annotations

from pathlib import Path

from evallib.errors import EvallibError, Fault
from evallib.report.page_facts import PageFacts, read_page

OGL_ATTRIBUTION = (
    "Contains public sector information licensed under the Open Government Licence v3.0."
)
SIZE_BUDGET = 2 * 1024 * 1024
_LANDMARKS = ("header", "nav", "main", "footer")


class ReportError(EvallibError):
    """A page or a report cannot be published as it stands."""


def check_page(html: str | Path, *, where: str = "") -> list[Fault]:
    """List all that keeps a page from being published; empty where it may be.

    Parameters
    ----------
    html : str or pathlib.Path
        The page, or the file that holds it.
    where : str
        Name of the page in the faults; by default the file's name.

    Returns
    -------
    list of Fault
        One entry a fault, with what to do about it.
    """
    is_file = isinstance(html, Path)
    text = html.read_text(encoding="utf-8") if isinstance(html, Path) else html
    place = where or (html.name if is_file and isinstance(html, Path) else "page")
    facts = read_page(text)
    found = [
        *_head_faults(facts, text),
        *_heading_faults(facts),
        *_picture_faults(facts),
        *_table_faults(facts),
        *_reference_faults(facts),
        *_size_and_source_faults(facts, text),
    ]
    return [Fault(place, what, why, remedy) for what, why, remedy in found]


def require_page(html: str, *, where: str) -> None:
    """Raise what `check_page` finds.

    Parameters
    ----------
    html : str
        The page.
    where : str
        Name of the page.

    Raises
    ------
    ReportError
        Where the page has a fault; it holds all of them.
    """
    faults = check_page(html, where=where)
    if faults:
        raise ReportError(faults)


_Found = list[tuple[str, str, str]]


def _head_faults(facts: PageFacts, text: str) -> _Found:
    found: _Found = []
    if not text.lstrip().lower().startswith("<!doctype html>"):
        found.append(("no document type", "browsers guess how to lay it out", "begin with it"))
    if facts.lang != "en-GB":
        found.append(
            (f"the language is '{facts.lang}'", "screen readers need it", 'set lang="en-GB"')
        )
    title = facts.titles[0] if facts.titles else ""
    if len(title.split()) < 2:
        found.append(
            (f"the title is '{title}'", "it names the page in lists and tabs", "describe the page")
        )
    if not facts.has_viewport:
        found.append(("no viewport", "the page does not reflow on a phone", "add the meta element"))
    missing = [name for name in _LANDMARKS if not facts.tags[name]]
    if missing:
        found.append((f"no {', '.join(missing)}", "readers jump by landmarks", "use the templates"))
    if not facts.main_id or facts.first_link != f"#{facts.main_id}":
        found.append(("no skip link first", "keyboard users need it", "put it before the header"))
    return found


def _heading_faults(facts: PageFacts) -> _Found:
    found: _Found = []
    top = [text for level, text in facts.headings if level == 1]
    if len(top) != 1:
        found.append((f"{len(top)} headings h1", "a page has one subject", "keep exactly one"))
    previous = 0
    for level, text in facts.headings:
        if level > previous + 1 and previous:
            found.append(
                (f"'{text}' is h{level} after h{previous}", "a level is skipped", "use the next")
            )
        if not text:
            found.append((f"an empty h{level}", "it is announced as nothing", "give it words"))
        previous = level
    return found


def _picture_faults(facts: PageFacts) -> _Found:
    return [
        (f"no alternative text: {name}", "some readers do not see it", "say what it shows")
        for name in facts.nameless
    ]


def _table_faults(facts: PageFacts) -> _Found:
    found: _Found = []
    for table in facts.tables:
        name = table.label
        if not table.has_caption:
            found.append((f"{name} has no caption", "it names the table", "say what it holds"))
        if not table.headers or table.unscoped:
            what = (
                f"{name} has {table.unscoped} headers without scope"
                if table.headers
                else (f"{name} has no headers")
            )
            found.append((what, "cells cannot be read with their headers", "add scope"))
        if table.header_rows != 1:
            what = f"{name} has {table.header_rows} header rows"
            found.append((what, "a table has one", "make it long"))
        if table.merged:
            found.append((f"{name} has merged cells", "they are misread", "repeat the value"))
        if table.empty:
            what = f"{name} has {table.empty} empty cells"
            found.append((what, "empty says nothing", "write 'not applicable' or 'no data'"))
    return found


def _reference_faults(facts: PageFacts) -> _Found:
    found: _Found = [
        (f"the id '{name}' stands {count} times", "links and labels go astray", "rename it")
        for name, count in facts.ids.items()
        if count > 1
    ]
    for name in sorted(facts.references - set(facts.ids)):
        found.append((f"'#{name}' points to nothing", "a link or label is dead", "mend it"))
    return found


def _size_and_source_faults(facts: PageFacts, text: str) -> _Found:
    found: _Found = [
        (f"{what} loads something", "a report asks nothing of any other place", "embed it")
        for what in dict.fromkeys(facts.loads)
    ]
    for what in dict.fromkeys(facts.scripts):
        found.append((f"{what} runs something", "a report runs nothing", "take it out"))
    words = " ".join("".join(facts.text).split())
    if OGL_ATTRIBUTION not in words:
        what = "the Open Government Licence attribution is missing"
        found.append((what, "the licence requires it", f"add '{OGL_ATTRIBUTION}'"))
    size = len(text.encode("utf-8"))
    if size > SIZE_BUDGET:
        what = f"{size / 1024 / 1024:.1f} MB is over the budget of 2 MB"
        found.append((what, "slow connections wait for it", "show fewer rows or charts"))
    return found
