"""Pages: a notebook's page, and the report that gathers them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evallib.report.formats import format_bytes, format_date, format_number
from evallib.report.gate import OGL_ATTRIBUTION, require_page
from evallib.report.markup import PIECE_CSS, make_ids_unique, slugify, without_style
from evallib.report.notebook import Body, number_pieces, read_body
from evallib.report.planned import PlanLike, lock_words
from evallib.report.record import Record, build_record
from evallib.report.sections import Section
from evallib.report.statements import ACCESSIBILITY, LIMITS
from evallib.report.tables import Table

DONE = frozenset({"completed", "complete", "ok", "done", "succeeded", "success", "cached"})
SUMMARY = "evidence_summary"
_OWN_IDS = ("content", "contents-title", "not-complete", "limits", "accessibility")
_REPORT_IDS = (*_OWN_IDS, "since-lock", "pages", "files", "record", "cite")
_FILES = {
    "estimates.csv": ("Estimates", "CSV"),
    "checks.csv": ("Checks", "CSV"),
    "manifest.json": ("Manifest of the run", "JSON"),
    "run.log": ("Log of the run", "text"),
}


def render_notebook_page(
    executed_ipynb: Path, html: Path, *, title: str, context: Mapping[str, Any]
) -> None:
    """Write the page of an executed notebook, once the gate has passed it.

    Parameters
    ----------
    executed_ipynb : pathlib.Path
        The executed notebook, whole or ended by an error.
    html : pathlib.Path
        The page to write; its folder is made where it is not there.
    title : str
        Title of the page, its h1; empty for the notebook's own first heading.
    context : mapping
        Read where they are there: evaluation (title of the plan), run_id, created (date),
        report_href (default '../report.html'), attributions (sentences beside the Open
        Government Licence's), status and message (of a notebook that failed).

    Raises
    ------
    ReportError
        Where the notebook cannot be read or the page has a fault; nothing is written.
    """
    body = read_body(executed_ipynb, taken=_OWN_IDS)
    name = title or body.title or executed_ipynb.stem.replace("_", " ")
    status = str(context.get("status", "completed"))
    text = _template("notebook.html.j2").render(
        **_shell(f"{name}: {_given(context, 'evaluation') or 'evaluation report'}", context),
        contents=_contents(body, (("limits", "Limits of use"),)),
        evaluation=_given(context, "evaluation"),
        run_id=_given(context, "run_id"),
        created=format_date(context.get("created")),
        report_href=_given(context, "report_href") or "../report.html",
        message=_given(context, "message"),
        failed=body.failed or status not in DONE,
        body=Markup(body.html),  # noqa: S704 - every part was escaped or screened
        heading=name,
    )
    _write(html, text)


def render_report(
    run_folder: Path,
    *,
    plan: PlanLike,
    manifest: Mapping[str, Any],
    pages: Sequence[Mapping[str, Any]],
    results: Any = None,
) -> Path:
    """Write report.html: the answer first, then the pages, the limits and the record.

    What did not run, and every difference from a lock, stand before the answer.

    Parameters
    ----------
    run_folder : pathlib.Path
        The run's folder; the executed notebooks are in its notebooks/.
    plan : Plan
        The effective plan.
    manifest : mapping
        The run's manifest; see `evallib.report.record.build_record` for the keys read.
    pages : sequence of mapping
        One a notebook, in order: name (file stem), title, status ('completed', 'failed',
        'timed out', ...), html (path of the page, None where there is none), seconds, message.
    results : object, optional
        The run's results: its attribute or key 'estimates' is a frame or has `.frame`.

    Returns
    -------
    pathlib.Path
        The report.

    Raises
    ------
    ReportError
        Where an attribution is missing or the page has a fault; nothing is written.
    """
    record = build_record(plan, manifest, _estimates(results))
    shown = [_page_facts(run_folder, page) for page in pages]
    taken = set(_REPORT_IDS)
    summary = _summary_body(run_folder, pages, shown, taken)
    taken |= summary.ids
    sections = _record_sections(record, taken)
    title = str(getattr(plan, "title", plan.name))
    context = {"attributions": record.attributions}
    after = [
        ("pages", "Pages of this report"),
        ("limits", "Limits of use"),
        ("record", "Record"),
        ("cite", "How to cite"),
        ("accessibility", "Accessibility statement"),
    ]
    has_trouble = any(page["is_trouble"] for page in shown)
    locked, since_lock = lock_words(manifest)
    text = _template("report.html.j2").render(
        **_shell(f"{title}: evaluation report", context),
        contents=[
            *([("not-complete", "What did not run")] if has_trouble else []),
            *([("since-lock", "Changes since the plan was locked")] if since_lock else []),
            *(_contents(summary, ()) or [("summary", "Summary")]),
            *after,
        ],
        heading=title,
        question=str(getattr(plan, "question", "")),
        run_id=str(manifest.get("run_id", "")),
        created=format_date(manifest.get("created")),
        commissioned=str(getattr(getattr(plan, "people", None), "commissioned", "")),
        troubles=[page for page in shown if page["is_trouble"]],
        locked=locked,
        since_lock=since_lock,
        summary=Markup(summary.html),  # noqa: S704 - every part was escaped or screened
        pages=shown,
        files=_files(run_folder),
        limits=LIMITS,
        record=sections,
        citation=record.citation,
        accessibility=ACCESSIBILITY,
    )
    target = run_folder / "report.html"
    _write(target, number_pieces(text))
    return target


@dataclass(frozen=True, slots=True)
class Shown:
    """Pieces under one heading of a page.

    Parameters
    ----------
    title : str
        The heading, at level 2; empty for none.
    pieces : tuple of Table and Section
        What stands under it.
    """

    title: str
    pieces: tuple[Table | Section, ...]


def render_shown(
    template: str,
    *,
    title: str,
    heading: str,
    parts: Sequence[Shown],
    attributions: Sequence[str],
) -> str:
    """Return a page of pieces that belongs to no run, once the gate has passed it.

    Parameters
    ----------
    template : str
        Name of the template; it is given heading, parts (name, title, html) and accessibility.
    title, heading : str
        Title of the page, and its h1.
    parts : sequence of Shown
        What it shows; those with a heading are its contents.
    attributions : sequence of str
        Sentences beside the Open Government Licence's.

    Raises
    ------
    ReportError
        Where the page has a fault.
    """
    taken = {"content", "contents-title", "accessibility"}
    shown = []
    for part in parts:
        name = slugify(part.title) if part.title else ""
        taken.add(name)
        html = render_pieces(part.pieces, taken)
        shown.append({"name": name, "title": part.title, "html": html})
    contents = [(part["name"], part["title"]) for part in shown if part["title"]]
    text = _template(template).render(
        **_shell(title, {"attributions": attributions}),
        contents=[*contents, ("accessibility", "Accessibility statement")],
        heading=heading,
        parts=shown,
        accessibility=ACCESSIBILITY,
    )
    text = number_pieces(text)
    require_page(text, where=title)
    return text


def render_pieces(pieces: Iterable[Table | Section], taken: set[str]) -> Markup:
    """Return tables as part of a page: no style of their own, identifiers that are free.

    Parameters
    ----------
    pieces : iterable of Table and Section
        What is shown, in order.
    taken : set of str
        Identifiers of the page so far; theirs are added.
    """
    parts = [make_ids_unique(without_style(item._repr_html_()), taken) for item in pieces]
    return Markup("\n".join(parts))  # noqa: S704 - the pieces escape what they hold


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("evallib.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _template(name: str) -> Any:
    return _environment().get_template(name)


def _shell(title: str, context: Mapping[str, Any]) -> dict[str, Any]:
    environment = _environment()
    loader = environment.loader
    style = loader.get_source(environment, "style.css")[0] if loader else ""
    sentences = [OGL_ATTRIBUTION, *map(str, context.get("attributions") or ())]
    return {
        "title": title,
        "piece_css": Markup(PIECE_CSS),  # noqa: S704 - our own constant
        "page_css": Markup(style),  # noqa: S704 - our own file
        "attributions": list(dict.fromkeys(sentences)),
    }


def _given(context: Mapping[str, Any], key: str) -> str:
    value = context.get(key)
    return "" if value is None else str(value)


def _contents(body: Body, after: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    own = [(name, text) for level, name, text in body.contents if level == 2]
    return [*own, *after]


def _summary_body(
    run_folder: Path,
    pages: Sequence[Mapping[str, Any]],
    shown: Sequence[Mapping[str, Any]],
    taken: set[str],
) -> Body:
    for page, facts in zip(pages, shown, strict=True):
        path = run_folder / "notebooks" / f"{page['name']}.ipynb"
        if SUMMARY in str(page["name"]) and path.exists() and not facts["is_trouble"]:
            return read_body(path, taken=taken, show_code=False)
    return Body("", ())


def _page_facts(run_folder: Path, page: Mapping[str, Any]) -> dict[str, Any]:
    status = str(page.get("status", "not recorded"))
    target = page.get("html")
    href = ""
    if target:
        path = Path(target)
        path = path if path.is_absolute() else run_folder / path
        if path.exists():
            href = Path(os.path.relpath(path, run_folder)).as_posix()
    partial = f"notebooks/{page['name']}.ipynb"
    seconds = page.get("seconds")
    return {
        "name": str(page["name"]),
        "title": str(page.get("title") or page["name"]),
        "status": "completed" if status in DONE else status,
        "href": href,
        "partial": partial if (run_folder / partial).exists() else "",
        "seconds": format_number(float(seconds), 1) if seconds is not None else "",
        "message": str(page.get("message") or ""),
        "is_trouble": status not in DONE,
    }


def _record_sections(record: Record, taken: set[str]) -> list[dict[str, Any]]:
    sections = []
    for title, text, tables in record.sections:
        name = slugify(title)
        taken.add(name)
        html = render_pieces(tables, taken)
        sections.append({"name": name, "title": title, "text": text, "html": html})
    return sections


def _files(run_folder: Path) -> list[dict[str, str]]:
    return [
        {"href": name, "text": text, "kind": kind, "size": format_bytes(path.stat().st_size)}
        for name, (text, kind) in _FILES.items()
        if (path := run_folder / name).exists()
    ]


def _estimates(results: Any) -> pd.DataFrame | None:
    found = results.get("estimates") if isinstance(results, Mapping) else None
    if found is None:
        found = getattr(results, "estimates", None)
    if callable(found):
        found = found()
    found = getattr(found, "frame", found)
    return found if isinstance(found, pd.DataFrame) else None


def _write(path: Path, text: str) -> None:
    require_page(text, where=path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
