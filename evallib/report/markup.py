"""HTML that is safe to embed: escaping, identifiers, and the mark of a piece of a report.

A piece is a fragment of HTML that reads well in JupyterLab and in a page of a report. It begins
with `PIECE_OPEN`, holds only the elements of `ALLOWED_TAGS`, and nothing that runs or loads.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser

PIECE_OPEN = '<div class="ev-piece'

_TAGS = (
    "a abbr b br caption circle clippath code dd defs desc details div dl dt em figcaption figure "
    "g h2 h3 h4 i li line ol p path pattern pre rect section small span strong style sub summary "
    "sup svg symbol table tbody td text th thead title tr tspan ul use"
)
ALLOWED_TAGS = frozenset(_TAGS.split())
_LOADING_ATTRIBUTES = frozenset({"src", "srcset", "href", "xlink:href", "action", "formaction"})
# Where a table or a chart begins: what is named inside it is also referred to inside it.
_PART_START = re.compile(r'(?=<figure id="chart-|<div class="ev-scroll" [^>]*aria-labelledby=)')
_LOADING_STYLE = re.compile(r"url\((?!#)|expression\(|@import")
_ID_USES = re.compile(
    r'\b(id|for|headers|aria-labelledby|aria-describedby|aria-controls)="([^"]*)"'
    r'|\bhref="#([^"]*)"|url\(#([^)"]*)\)'
)

PIECE_CSS = (
    ".ev-piece{color:#0b0c0c;background:#fff;font-family:Arial,Helvetica,sans-serif;"
    "font-size:1rem;line-height:1.5;margin:0 0 1.75rem;max-width:100%}"
    ".ev-piece p{margin:0 0 .5rem;max-width:44em}"
    ".ev-piece table{border-collapse:collapse;margin:0;font-size:.9375rem;line-height:1.4;"
    "width:auto;min-width:min(100%,30rem);background:#fff;border:0}"
    ".ev-piece caption{caption-side:top;text-align:left;font-weight:700;padding:0 0 .5rem;"
    "color:#0b0c0c;font-size:1rem}"
    ".ev-piece .ev-caption{display:inline-block;position:sticky;left:0;"
    "max-width:min(46em,calc(100vw - 2.5rem))}"
    ".ev-piece .ev-headline .ev-number{font-weight:700}"
    ".ev-piece table th,.ev-piece table td{padding:.4375rem .875rem .4375rem 0;text-align:left;"
    "vertical-align:top;"
    "border:0;border-bottom:1px solid #b1b4b6;background:#fff;color:#0b0c0c;white-space:normal;"
    "font-size:.9375rem;max-width:26em}"
    ".ev-piece table th:last-child,.ev-piece table td:last-child{padding-right:.25rem}"
    ".ev-piece table thead th{vertical-align:bottom;border-bottom:2px solid #0b0c0c;"
    "font-weight:700;min-width:4.5em}"
    ".ev-piece table tbody th{font-weight:400;min-width:7em}"
    ".ev-piece table .ev-n{text-align:right;font-variant-numeric:tabular-nums}"
    ".ev-piece table th:not(.ev-n),.ev-piece table td:not(.ev-n){text-align:left!important}"
    ".ev-piece table .ev-text{min-width:8em}.ev-piece table .ev-long{min-width:14em}"
    ".ev-piece table .ev-text,.ev-piece table .ev-long{overflow-wrap:anywhere}"
    ".ev-piece .ev-dense th,.ev-piece .ev-dense td{font-size:.8125rem;padding-right:.5rem;"
    "min-width:0}.ev-piece table.ev-dense thead th{min-width:0}"
    ".ev-piece .ev-scroll{overflow-x:auto;max-width:100%;padding:2px}"
    ".ev-piece .ev-scroll:focus-visible,.ev-piece a:focus-visible,"
    ".ev-piece summary:focus-visible{outline:3px solid #0b0c0c;outline-offset:2px;"
    "box-shadow:0 0 0 2px #fff}"
    ".ev-piece ul.ev-notes{list-style:none;padding:0;margin:.5rem 0 0;font-size:.9375rem}"
    ".ev-piece .ev-notes li{margin:0 0 .25rem;max-width:48em}"
    ".ev-piece figure{margin:0}.ev-piece .ev-svg{max-width:47.5rem;padding:0}"
    ".ev-piece>*+figure,.ev-piece>*+.ev-scroll{margin-top:1.75rem}"
    ".ev-piece .ev-headline{font-size:1.1875rem;line-height:1.3;margin:0 0 .25rem}"
    ".ev-piece .ev-subtitle{margin:0 0 .75rem;color:#383f43}"
    ".ev-piece .ev-svg svg{display:block;width:100%;min-width:30rem;height:auto}"
    ".ev-piece .ev-source{font-size:.9375rem;color:#383f43;margin:.5rem 0}"
    ".ev-piece details{margin:.25rem 0 .5rem}"
    ".ev-piece details>.ev-scroll{margin-top:.5rem}"
    ".ev-piece summary{cursor:pointer;color:#1d5a93;min-height:1.75rem;line-height:1.75rem;"
    "text-decoration:underline}"
    ".ev-piece .ev-hidden{position:absolute;width:1px;height:1px;overflow:hidden;"
    "clip-path:inset(50%);white-space:nowrap}"
    ".ev-piece a{position:relative;color:#1d5a93;display:inline-block;"
    "min-height:1.75rem;line-height:1.75rem}"
    "@media screen and (max-width:40rem){"
    ".ev-piece table th,.ev-piece table td{padding-right:.5rem}"
    ".ev-piece table th,.ev-piece table td,.ev-piece table .ev-text,.ev-piece table .ev-long,"
    ".ev-piece table thead th,.ev-piece table tbody th{min-width:0}"
    ".ev-piece table td{overflow-wrap:anywhere}"
    ".ev-piece .ev-stack,.ev-piece .ev-stack caption,.ev-piece .ev-stack tbody,"
    ".ev-piece .ev-stack tr,.ev-piece table.ev-stack tbody th{display:block;min-width:0}"
    ".ev-piece .ev-stack thead{position:absolute;width:1px;height:1px;overflow:hidden;"
    "clip-path:inset(50%)}"
    ".ev-piece .ev-stack tbody tr{padding:.5rem 0;border-top:1px solid #0b0c0c}"
    ".ev-piece table.ev-stack tbody th{font-weight:700;border:0;padding:0 0 .25rem}"
    ".ev-piece table.ev-stack tbody td{display:flex;justify-content:space-between;gap:1rem;"
    "max-width:none;padding:.125rem 0;border:0;white-space:normal}"
    ".ev-piece .ev-stack td::before{content:attr(data-head);flex:0 0 50%;text-align:left;"
    "color:#383f43;overflow-wrap:break-word}"
    "}"
)
_STYLE_BLOCK = f"<style>{PIECE_CSS}</style>"
_ANY_STYLE_BLOCK = re.compile(r"<style>\.ev-piece\{[^<]*</style>")


def escape(text: object) -> str:
    """Return text made safe for HTML, in an element or in a quoted attribute.

    Examples
    --------
    >>> escape('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(str(text), quote=True)


def slugify(text: str, *, limit: int = 60) -> str:
    """Return an identifier of lower-case letters, digits and hyphens made from the text.

    Examples
    --------
    >>> slugify("Councils, by year (2015/16)")
    'councils-by-year-2015-16'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:limit].strip("-")
    return slug or "item"


def piece(body: str, *, kind: str = "block") -> str:
    """Wrap a fragment as a piece: marked, and with the style that JupyterLab needs.

    Parameters
    ----------
    body : str
        HTML in which every text that came from data is already escaped.
    kind : str
        Added to the class, for the style of a page.

    Returns
    -------
    str
        The piece; a page takes the style block out again, since it has its own.
    """
    return f'{PIECE_OPEN} ev-{slugify(kind)}">{_STYLE_BLOCK}{body}</div>'


def without_style(fragment: str) -> str:
    """Return a piece without the style blocks that only JupyterLab needs, whoever wrote them.

    Examples
    --------
    >>> without_style("<style>.ev-piece{margin:0}</style><p>x</p>")
    '<p>x</p>'
    """
    return _ANY_STYLE_BLOCK.sub("", fragment)


class _Screen(HTMLParser):
    """Remembers the first element or attribute that a piece may not hold."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.trouble = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED_TAGS:
            self.trouble = self.trouble or f"the element <{tag}>"
        for name, value in attrs:
            text = re.sub(r"[\s\x00-\x1f]", "", value or "").lower()
            if name.startswith("on"):
                self.trouble = self.trouble or f"the attribute {name}"
            elif name in _LOADING_ATTRIBUTES and not _is_quiet_link(tag, text):
                self.trouble = self.trouble or f"the address in {name} of <{tag}>"
            elif name == "style" and _LOADING_STYLE.search(text):
                self.trouble = self.trouble or "a style that loads something"

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style" and re.search(r"@import|url\(|</", data, re.IGNORECASE):
            self.trouble = self.trouble or "a style that loads something"


def _is_quiet_link(tag: str, address: str) -> bool:
    if tag == "use":
        return address.startswith("#")
    if tag != "a":
        return False
    return address.startswith(("#", "https://", "http://", "mailto:", "data:text/csv")) or (
        ":" not in address and not address.startswith("//")
    )


def find_trouble(fragment: str) -> str:
    """Say why a fragment is not a piece that a page may embed; empty when it is.

    Examples
    --------
    >>> find_trouble("<table><tr><td>1</td></tr></table>")
    'it does not carry the mark of a piece'
    >>> find_trouble(piece("<p>1</p>"))
    ''
    >>> find_trouble(piece("<script>1</script>"))
    'it holds the element <script>'
    """
    if not fragment.lstrip().startswith(PIECE_OPEN):
        return "it does not carry the mark of a piece"
    screen = _Screen()
    screen.feed(without_style(fragment))
    screen.close()
    return f"it holds {screen.trouble}" if screen.trouble else ""


def make_ids_unique(fragment: str, taken: set[str]) -> str:
    """Rename the identifiers of a fragment that are taken already, with every use of them.

    Parameters
    ----------
    fragment : str
        HTML written by the report's own pieces.
    taken : set of str
        Identifiers of the page so far; those of the fragment are added to it.

    Returns
    -------
    str
        The fragment, unchanged where no identifier was taken.

    Examples
    --------
    >>> make_ids_unique('<p id="a"></p><a href="#a">x</a>', {"a"})
    '<p id="a-2"></p><a href="#a-2">x</a>'
    """
    return "".join(_rename_in(part, taken) for part in _PART_START.split(fragment))


def _rename_in(part: str, taken: set[str]) -> str:
    names = dict.fromkeys(
        match.group(2) for match in _ID_USES.finditer(part) if match.group(1) == "id"
    )
    renamed = {name: _free_name(name, taken) for name in names}
    if all(old == new for old, new in renamed.items()):
        return part
    return _ID_USES.sub(_renamer(renamed), part)


def _free_name(name: str, taken: set[str]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}-{count}"
    taken.add(candidate)
    return candidate


def _renamer(renamed: dict[str, str]) -> Callable[[re.Match[str]], str]:
    def rename(match: re.Match[str]) -> str:
        attribute, value, target, reference = match.groups()
        if attribute is not None:
            new = " ".join(renamed.get(word, word) for word in value.split())
            return f'{attribute}="{new}"'
        if target is not None:
            return f'href="#{renamed.get(target, target)}"'
        return f"url(#{renamed.get(reference, reference)})"

    return rename
