"""An executed notebook as the body of a page: text, folded code, pieces, notes on warnings."""

from __future__ import annotations

import builtins
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evallib.errors import Fault
from evallib.report.foreign import is_pandas_table, rebuild_pandas_table
from evallib.report.gate import ReportError
from evallib.report.markdown import Headings, render_markdown
from evallib.report.markup import PIECE_OPEN, escape, find_trouble, make_ids_unique, without_style

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_WARNING_LINE = re.compile(
    r"^(?P<folder>.*[/\\])?(?P<file>[^/\\:]+):\d+: (?P<kind>\w*)Warning: (?P<text>.*)$"
)
_NAME = r"[^\s/\\:\"'<>|]"
_FRAME_PATH = re.compile(rf"(?<![\w.])(?:[A-Za-z]:)?(?:[/\\]{_NAME}+)+[/\\](?={_NAME})")
_PAPERMILL_ERROR = "papermill-error-cell-tag"
_LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a page made from a notebook.

    Parameters
    ----------
    html : str
        The content, headings from h2 down.
    contents : tuple of (int, str, str)
        Level, identifier and text of each heading.
    title : str
        The notebook's own title: its first heading, taken out of the content.
    failed : bool
        Whether a cell ended in an error.
    ids : frozenset of str
        Identifiers that the body uses, and those that were taken before.
    """

    html: str
    contents: tuple[tuple[int, str, str], ...]
    title: str = ""
    failed: bool = False
    ids: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Work:
    headings: Headings
    taken: set[str]
    show_code: bool = True
    parts: list[str] = field(default_factory=list)
    title: str = ""
    step: int = 0
    failed: bool = False


def read_body(
    executed: Path, *, taken: Iterable[str] = (), level: int = 1, show_code: bool = True
) -> Body:
    """Return an executed notebook as the body of a page.

    Parameters
    ----------
    executed : pathlib.Path
        A notebook of format 4 with its outputs.
    taken : iterable of str
        Identifiers that the page uses already.
    level : int
        Level of the heading above the body.
    show_code : bool
        Whether the code stands, folded, before what it shows.

    Returns
    -------
    Body
        Content and contents.

    Raises
    ------
    ReportError
        Where the file is not there, or is not a notebook of format 4.
    """
    cells = _read_cells(executed)
    names = set(taken)
    work = _Work(Headings(level=level, taken=names), names, show_code)
    is_injected = any("injected-parameters" in _tags(cell) for cell in cells)
    for cell in cells:
        if is_injected and "parameters" in _tags(cell):
            continue  # the defaults, which the run's own parameters replace
        source = _joined(cell.get("source", ""))
        if cell.get("cell_type") == "markdown":
            _add_text(work, source, cell)
        elif cell.get("cell_type") == "code":
            _add_code(work, source, cell)
    html = number_pieces("".join(work.parts))
    return Body(html, tuple(work.headings.found), work.title, work.failed, frozenset(names))


def number_pieces(html: str) -> str:
    """Write 'Table N:' and 'Figure N:' into the captions, in the order of the page.

    Examples
    --------
    >>> number_pieces('<span class="ev-table-number"></span>Councils')
    '<span class="ev-number">Table 1: </span>Councils'
    """
    counts: Counter[str] = Counter()

    def number(match: re.Match[str]) -> str:
        kind = match.group(1)
        counts[kind] += 1
        return f'<span class="ev-number">{kind.capitalize()} {counts[kind]}: </span>'

    pattern = r'<span class="ev-(table|figure)-number">(?:</span>)'
    cleared = re.sub(
        r'<span class="ev-number">(Table|Figure) \d+: </span>',
        lambda match: f'<span class="ev-{match.group(1).lower()}-number"></span>',
        html,
    )
    return re.sub(pattern, number, cleared)


def clean_warnings(text: str) -> list[str]:
    """Return the lines of a step's messages, each once with its count, without machine paths.

    Of the package's own warnings the sentence stands alone; those of others keep their class, as
    words, and their file.

    Parameters
    ----------
    text : str
        What the step wrote to the error stream.

    Examples
    --------
    >>> clean_warnings("/srv/x/a.py:3: UserWarning: few")
    ['User warning: few (a.py)']
    >>> clean_warnings("cell:1: UnbalancedPanelWarning: few")
    ['few']
    """
    lines: Counter[str] = Counter()
    is_after_warning = False
    for line in _ANSI.sub("", text).splitlines():
        if not line.strip():
            continue
        match = _WARNING_LINE.match(line)
        if match:
            lines[_warning_words(match)] += 1
        elif not (is_after_warning and line.startswith("  ")):
            lines[f"{_FRAME_PATH.sub('', line)}\0"] += 1
        is_after_warning = match is not None
    return [_counted(line, count) for line, count in lines.items()]


def _warning_words(match: re.Match[str]) -> str:
    """Return a warning's sentence, with class and file where it is not the package's own."""
    name, kind, text = match["file"], match["kind"], match["text"]
    stem = name.removesuffix(".py")
    in_cell = stem.startswith("ipykernel") or stem.isdigit() or name == "cell"
    is_own = "evallib" in re.split(r"[/\\]", match["folder"] or "") or in_cell
    if is_own and not hasattr(builtins, f"{kind}Warning"):
        return f"{text}\0"
    return f"{_kind_words(kind)}: {text}\0{'' if in_cell else f'; {name}'}"


def _kind_words(kind: str) -> str:
    """Return the class of a warning in words, 'warning' added where it says little without."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind).capitalize()
    return f"{words} warning".strip().capitalize() if hasattr(builtins, f"{kind}Warning") else words


def _counted(line: str, count: int) -> str:
    text, place = line.split("\0")
    times = f"{count} times" if count > 1 else ""
    extra = (times + place).removeprefix("; ")
    return f"{text} ({extra})" if extra else text


def _read_cells(executed: Path) -> list[Mapping[str, Any]]:
    try:
        book = json.loads(executed.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReportError(
            [Fault(executed.name, "the executed notebook is not there", "", "run it again")]
        ) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(
            [Fault(executed.name, "it is not a whole notebook", str(error), "run it again")]
        ) from error
    if not isinstance(book, dict) or book.get("nbformat") != 4:
        raise ReportError(
            [Fault(executed.name, "it is not of format 4", "it cannot be read", "save it anew")]
        )
    cells: list[Mapping[str, Any]] = book.get("cells", [])
    return cells


def _joined(text: object) -> str:
    return "".join(text) if isinstance(text, list) else str(text)


def _tags(cell: Mapping[str, Any]) -> set[str]:
    return set(cell.get("metadata", {}).get("tags", []))


def _add_text(work: _Work, source: str, cell: Mapping[str, Any]) -> None:
    if _PAPERMILL_ERROR in _tags(cell):
        return
    lines = source.lstrip().split("\n", 1)
    match = re.fullmatch(r"# +(.+?)\s*#*", lines[0])
    if match and not work.title:
        work.title = match.group(1)
        source = lines[1] if len(lines) > 1 else ""
    work.parts.append(render_markdown(source, work.headings))


def _add_code(work: _Work, source: str, cell: Mapping[str, Any]) -> None:
    if not source.strip() or _PAPERMILL_ERROR in _tags(cell):
        return
    work.step += 1
    if work.show_code:
        work.parts.append(_folded_code(work.step, source, _tags(cell)))
    outputs = list(cell.get("outputs", []))
    errors = "".join(
        _joined(item.get("text", "")) for item in outputs if item.get("name") == "stderr"
    )
    for output in outputs:
        work.parts.append(_output(work, output))
    if errors.strip():
        work.parts.append(_note("Warnings and messages from this step", clean_warnings(errors)))


def _folded_code(step: int, source: str, tags: set[str]) -> str:
    is_parameters = bool(tags & {"parameters", "injected-parameters"})
    name = "Show the parameters" if is_parameters else "Show the code"
    return (
        f'<details class="code"><summary>{name}<span class="ev-hidden"> of step {step}'
        f'</span></summary><pre tabindex="0" role="region" aria-label="Code of step {step}">'
        f"<code>{escape(source.strip())}</code></pre></details>\n"
    )


def _output(work: _Work, output: Mapping[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        if output.get("name") == "stderr":
            return ""
        return _plain(_joined(output.get("text", "")), work.step)
    if kind == "error":
        work.failed = True
        return _error_box(output)
    return _shown(work, output.get("data", {}))


def _shown(work: _Work, data: Mapping[str, Any]) -> str:
    html = _joined(data.get("text/html", ""))
    plain = _joined(data.get("text/plain", ""))
    if html and is_pandas_table(html):
        rebuilt = rebuild_pandas_table(html, work.headings.last_text or f"Output {work.step}")
        html = rebuilt._repr_html_() if rebuilt else html
    trouble = find_trouble(html) if html else ""
    if html and not trouble:
        fragment = make_ids_unique(without_style(html), work.taken)
        return work.headings.reorder(fragment) + "\n"
    if "text/markdown" in data:
        return render_markdown(_joined(data["text/markdown"]), work.headings)
    if any(name.startswith("image/") for name in data):
        message = "A picture without alternative text was left out; show it as a Chart."
        return _note("Left out", [message])
    reason = f"The output is shown as text: {trouble}."
    is_ours = html.lstrip().startswith(PIECE_OPEN)
    return (_note("Left out", [reason]) if is_ours else "") + _plain(plain, work.step)


def _plain(text: str, step: int) -> str:
    text = _ANSI.sub("", text).rstrip()
    if not text:
        return ""
    shown = text[:_LONGEST_TEXT]
    more = f"\n[{len(text) - len(shown):,} more characters]" if len(text) > len(shown) else ""
    return (
        f'<pre class="output" tabindex="0" role="region" aria-label="Output of step {step}">'
        f"{escape(shown + more)}</pre>\n"
    )


def _note(title: str, lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<div class="note"><p><strong>{escape(title)}</strong></p><ul>{items}</ul></div>\n'


def _error_box(output: Mapping[str, Any]) -> str:
    name, value = str(output.get("ename", "Error")), str(output.get("evalue", ""))
    trace = _FRAME_PATH.sub("", _ANSI.sub("", "\n".join(output.get("traceback", []))))
    return (
        '<div class="failure"><p><strong>This step failed.</strong> What follows it did not run.'
        f"</p><p>{escape(name)}: {escape(value)}</p>"
        "<details><summary>Show the details of the failure</summary>"
        f'<pre tabindex="0" role="region" aria-label="Details of the failure">{escape(trace)}'
        "</pre></details></div>\n"
    )
