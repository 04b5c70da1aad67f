"""What a page holds, read once: headings, tables, pictures, identifiers, addresses."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID_TAGS = "area base br col embed hr img input link meta source track wbr"
_VOID = frozenset(_VOID_TAGS.split())
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


@dataclass(slots=True)
class TableFacts:
    """What the gate judges of one table."""

    label: str
    has_caption: bool = False
    headers: int = 0
    unscoped: int = 0
    header_rows: int = 0
    merged: int = 0
    empty: int = 0


@dataclass(slots=True)
class PageFacts:
    """What the gate judges of a page."""

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
    tables: list[TableFacts] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Reads a page once and keeps the facts that the gate judges."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.facts = PageFacts()
        self._open: list[str] = []
        self._tables: list[TableFacts] = []
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
            table = TableFacts(values.get("id") or f"table {facts.tags['table']}")
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


def read_page(text: str) -> PageFacts:
    """Read the facts of a page.

    Parameters
    ----------
    text : str
        The page as HTML.

    Returns
    -------
    PageFacts
        Counts and texts; nothing is judged here.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.facts
