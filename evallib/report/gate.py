"""The gate: what a page must have before it is written, each fault with its place and remedy."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from evallib.errors import EvallibError, Fault

OGL_ATTRIBUTION = (
    "Contains public sector information licensed under the Open Government Licence v3.0."
)
SIZE_BUDGET = 2 * 1024 * 1024
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)
_LOADING = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "link": ("href",),
    "iframe": ("src", "srcdoc"),
    "object": ("data",),
    "embed": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "input": ("src",),
    "base": ("href",),
}
_STYLE_LOADS = re.compile(r"@import|url\(\s*['\"]?(?!#|data:)", re.IGNORECASE)
_LANDMARKS = ("header", "nav", "main", "footer")


class ReportError(EvallibError):
    """A page or a report cannot be published as it stands."""


@dataclass(slots=True)
class _TableFacts:
    label: str
    has_caption: bool = False
    headers: int = 0
    unscoped: int = 0
    header_rows: int = 0
    merged: int = 0
    empty: int = 0


@dataclass(slots=True)
class _Facts:
    lang: str = ""
    titles: list[str] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)
    references: set[str] = field(default_factory=set)
    tags: Counter[str] = field(default_factory=Counter)
    has_viewport: bool = False
    first_link: str = ""
    main_id: str = ""
    nameless: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    tables: list[_TableFacts] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Reads a page once and keeps the facts that the gate judges."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.facts = _Facts()
        self._open: list[str] = []
        self._tables: list[_TableFacts] = []
        self._texts: list[tuple[str, list[str]]] = []
        self._svgs: list[tuple[str, list[bool]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.facts.tags[tag] += 1
        self._note_attributes(tag, values)
        self._note_structure(tag, values)
        if tag in _VOID:
            return
        self._open.append(tag)
        if tag in ("title", "caption", "th", "td") or re.fullmatch(r"h[1-6]", tag):
            self._texts.append((tag, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if self._texts and self._texts[-1][0] == tag:
            self._finish_text(tag, "".join(self._texts.pop()[1]).strip())
        if tag == "table" and self._tables:
            self._tables.pop()
        if tag == "svg" and self._svgs:
            label, named = self._svgs.pop()
            if not any(named):
                self.facts.nameless.append(label)

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            if _STYLE_LOADS.search(data):
                self.facts.loads.append("a style sheet inside the page")
            return
        self.facts.text.append(data)
        for _tag, parts in self._texts:
            parts.append(data)

    def _note_attributes(self, tag: str, values: dict[str, str]) -> None:
        facts = self.facts
        if values.get("id"):
            facts.ids[values["id"]] += 1
        for name in ("aria-labelledby", "aria-describedby", "for", "headers"):
            facts.references.update(values.get(name, "").split())
        if tag == "a" and values.get("href", "").startswith("#"):
            facts.references.add(values["href"][1:])
        for name in _LOADING.get(tag, ()):
            address = values.get(name, "").strip()
            if address and not address.startswith(("#", "data:")):
                facts.loads.append(f"<{tag} {name}='{address[:80]}'>")
        if _STYLE_LOADS.search(values.get("style", "")):
            facts.loads.append(f"the style of <{tag}>")
        facts.scripts += [f"<{tag} {name}>" for name in values if name.startswith("on")]
        if values.get("href", "").strip().lower().startswith("javascript:"):
            facts.scripts.append(f"a javascript: address in <{tag}>")

    def _note_structure(self, tag: str, values: dict[str, str]) -> None:
        facts = self.facts
        if tag == "html":
            facts.lang = values.get("lang", "")
        elif tag == "meta" and values.get("name") == "viewport":
            facts.has_viewport = True
        elif tag == "main":
            facts.main_id = values.get("id", "")
        elif tag == "script":
            facts.scripts.append("<script>")
        elif tag == "a" and not facts.first_link:
            facts.first_link = values.get("href", "") or "no address"
        elif tag == "img" and "alt" not in values:
            facts.nameless.append(f"<img src='{values.get('src', '')[:40]}'>")
        elif tag == "svg":
            label = values.get("id") or f"picture {facts.tags['svg']}"
            hidden = values.get("aria-hidden") == "true"
            is_named = values.get("role") == "img" and bool(values.get("aria-label"))
            self._svgs.append((label, [hidden or is_named]))
            if values.get("role") == "img" and values.get("aria-labelledby"):
                self._svgs[-1][1].append(False)
        elif tag == "table":
            table = _TableFacts(values.get("id") or f"table {facts.tags['table']}")
            facts.tables.append(table)
            self._tables.append(table)
        elif self._tables and tag in ("caption", "th", "td", "tr"):
            self._note_table(tag, values)

    def _note_table(self, tag: str, values: dict[str, str]) -> None:
        table = self._tables[-1]
        table.has_caption |= tag == "caption"
        table.header_rows += tag == "tr" and "thead" in self._open
        if tag == "th":
            table.headers += 1
            table.unscoped += values.get("scope") not in ("col", "row")
        table.merged += "colspan" in values or "rowspan" in values

    def _finish_text(self, tag: str, text: str) -> None:
        if tag == "title" and self._svgs:
            self._svgs[-1][1].append(bool(text) and len(self._svgs[-1][1]) > 1)
        elif tag == "title":
            self.facts.titles.append(text)
        elif tag in ("th", "td") and self._tables:
            self._tables[-1].empty += not text
        elif tag == "caption" and self._tables:
            self._tables[-1].has_caption = bool(text)
        elif tag.startswith("h"):
            self.facts.headings.append((int(tag[1]), text))


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
    reader = _Reader()
    reader.feed(text)
    reader.close()
    facts = reader.facts
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


def _head_faults(facts: _Facts, text: str) -> _Found:
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


def _heading_faults(facts: _Facts) -> _Found:
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


def _picture_faults(facts: _Facts) -> _Found:
    return [
        (f"no alternative text: {name}", "some readers do not see it", "say what it shows")
        for name in facts.nameless
    ]


def _table_faults(facts: _Facts) -> _Found:
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


def _reference_faults(facts: _Facts) -> _Found:
    found: _Found = [
        (f"the id '{name}' stands {count} times", "links and labels go astray", "rename it")
        for name, count in facts.ids.items()
        if count > 1
    ]
    for name in sorted(facts.references - set(facts.ids)):
        found.append((f"'#{name}' points to nothing", "a link or label is dead", "mend it"))
    return found


def _size_and_source_faults(facts: _Facts, text: str) -> _Found:
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
