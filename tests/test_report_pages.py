"""Pages of notebooks and of runs: all that was shown is there, safe and in order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from evallib.report import Table
from evallib.report.gate import OGL_ATTRIBUTION, ReportError, check_page
from evallib.report.notebook import clean_warnings, read_body
from evallib.report.page import render_notebook_page, render_report

INPUT = {
    "file": "data/raw/councils.csv",
    "title": "Councils",
    "publisher": "compiled for this project",
    "licence": "compiled for this project",
    "attribution": "Compiled for this project.",
    "accessed": "2026-01-02",
    "sha256": "0123456789abcdef" * 4,
    "rows": 365,
}
MANIFEST = {"run_id": "default-1a2b", "created": "2026-01-05T10:00:00", "inputs": [INPUT]}


def text(*lines: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n".join(lines)}


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    metadata = {"tags": list(tags)}
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "execution_count": 1,
        "outputs": list(outputs),
    }


def shown(html: str = "", plain: str = "", **more: str) -> dict[str, Any]:
    data = {"text/plain": plain, **more}
    if html:
        data["text/html"] = html
    return {"output_type": "display_data", "metadata": {}, "data": data}


def stream(name: str, words: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": [words]}


ERROR = {
    "output_type": "error",
    "ename": "DesignError",
    "evalue": "no treated <council> left",
    "traceback": ["\x1b[31mDesignError\x1b[0m", 'File "/srv/someone/evallib/design.py", line 3'],
}


def write_notebook(path: Path, *cells: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
    path.write_text(json.dumps(book), encoding="utf-8")
    return path


def page_of(tmp_path: Path, *cells: dict[str, Any], **context: Any) -> str:
    target = tmp_path / "notebooks" / "04_effect.html"
    source = write_notebook(target.with_suffix(".ipynb"), text("# The effect"), *cells)
    render_notebook_page(source, target, title="", context={"evaluation": "Visits", **context})
    return target.read_text(encoding="utf-8")


def plan(**changes: Any) -> Any:
    values = {
        "name": "peer_challenge",
        "title": "Corporate peer challenges & performance",
        "question": "Did performance change?",
        "years": ("2015/16", "2024/25"),
        "no_record": "assume_not_exposed",
        "estimators": ("twfe",),
        "outcomes": (SimpleNamespace(indicator="recycling_rate_pct"),),
        "comparison": "not_yet_treated",
        "exclude": ("E09000001",),
        "people": SimpleNamespace(
            commissioned="A <council>", analysed="not assigned", assured="not assigned"
        ),
        "differences": lambda: {"seed": 7},
    }
    return SimpleNamespace(**{**values, **changes})


def pages_of(tmp_path: Path, **changes: Any) -> list[dict[str, Any]]:
    summary = tmp_path / "notebooks" / "10_evidence_summary.ipynb"
    table = Table(pd.DataFrame({"outcome": ["Recycling"]}), "Facts of this run")
    write_notebook(
        summary,
        text("# Summary"),
        text("## Limits of use", "We cannot tell."),
        code("show()", shown(table._repr_html_())),
    )
    page = {"name": "10_evidence_summary", "title": "Evidence summary", "status": "completed"}
    return [{**page, "html": None, "seconds": 1.26, "message": "", **changes}]


def test_a_page_of_every_kind_of_output_passes_the_gate(tmp_path: Path) -> None:
    table = Table(pd.DataFrame({"a": ["<script>alert(1)</script>"]}), "Facts")
    html = page_of(
        tmp_path,
        text("#### A deep heading", "", "Text with $x^2$.", "", "|a|b|", "|-|-|", "|1||"),
        code("plan = 'x'", tags=("parameters",)),
        code("show(1 < 2)", shown(table._repr_html_()), shown(table._repr_html_())),
        code("frame", shown(pd.DataFrame({"a": [1.5], "b": ["<i>"]}).to_html(), "frame")),
        code("print(1)", stream("stdout", "<b>1</b>"), stream("stderr", "A note")),
        created="2026-01-05",
    )
    assert check_page(html) == []
    assert "<script" not in html
    assert "<title>The effect: Visits</title>" in html
    assert html.count("<h1") == 1
    assert [int(n) for n in re.findall(r">Table (\d+): ", html)] == [1, 2, 3, 4]
    assert "Show the parameters" in html
    assert "show(1 &lt; 2)" in html
    assert "&lt;b&gt;1&lt;/b&gt;" in html
    assert "Warnings and messages from this step" in html
    assert "Made on 5 January 2026." in html


@pytest.mark.parametrize(
    ("output", "never", "instead"),
    [
        (shown("<p>raw</p>", "plain <p>"), "<p>raw", "plain &lt;p&gt;"),
        (shown('<div class="ev-piece"><script>1</script></div>', "plain"), "<script>", "as text"),
        (shown("", "<Figure>", **{"image/png": "AAAA"}), "AAAA", "without alternative text"),
        (shown("", "x", **{"text/markdown": "**bold**"}), ">x<", "<strong>bold</strong>"),
        (
            shown(pd.DataFrame({("a", "b"): [1]}).to_html(), "merged"),
            "dataframe",
            "merged",
        ),
    ],
)
def test_only_pieces_are_embedded(
    tmp_path: Path, output: dict[str, Any], never: str, instead: str
) -> None:
    html = page_of(tmp_path, code("show()", output))
    assert never not in html
    assert instead in html


def test_a_failed_notebook_shows_what_it_made_and_where_it_ended(tmp_path: Path) -> None:
    html = page_of(
        tmp_path,
        code("print(1)", stream("stdout", "made before")),
        text("# An exception was encountered") | {"metadata": {"tags": [PAPERMILL]}},
        code("fail()", ERROR),
        code("later()"),
    )
    assert "This page is not complete" in html
    assert "made before" in html
    assert "DesignError: no treated &lt;council&gt; left" in html
    assert "An exception was encountered" not in html
    assert "/srv/someone" not in html
    assert "\x1b" not in html


PAPERMILL = "papermill-error-cell-tag"


def test_parameters_of_the_run_replace_the_defaults(tmp_path: Path) -> None:
    html = page_of(
        tmp_path,
        code("plan = 'default'", tags=("parameters",)),
        code("plan = 'mine'", tags=("injected-parameters",)),
    )
    assert html.count("Show the parameters") == 1
    assert "plan = &#x27;mine&#x27;" in html


def test_a_page_has_one_style_whatever_wrote_its_pieces(tmp_path: Path) -> None:
    old = '<div class="ev-piece"><style>.ev-piece{margin:9px}</style><p>x</p></div>'
    html = page_of(tmp_path, code("show()", shown(old)))
    assert html.count("<style>") == 1


def test_warnings_are_kept_counted_and_without_machine_paths() -> None:
    line = "/srv/x/evallib/fit.py:10: FewClustersWarning: 2 clusters\n  warnings.warn(\n"
    other = "/srv/lib/pandas/core.py:10: PerformanceWarning: slow\n  frame.copy()\n"
    kept = clean_warnings(
        line * 3 + other + "/var/ipykernel_1/2.py:1: UserWarning: few\nplain words\n"
    )
    assert kept == [
        "2 clusters (3 times)",
        "Performance: slow (core.py)",
        "User warning: few",
        "plain words",
    ]


@pytest.mark.parametrize("content", ["", "{", '{"nbformat": 3}', "[]", "\xff"])
def test_a_notebook_that_cannot_be_read_is_one_fault(tmp_path: Path, content: str) -> None:
    path = tmp_path / "04_effect.ipynb"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ReportError, match=r"^04_effect.ipynb: .*\.$"):
        read_body(path)


def test_a_report_puts_the_answer_first_and_keeps_the_record(tmp_path: Path) -> None:
    estimates = pd.DataFrame(
        {"outcome": "recycling_rate_pct", "estimator": ["twfe", "sun_abraham"], "term": "att"}
    )
    path = render_report(
        tmp_path,
        plan=plan(),
        manifest=MANIFEST,
        pages=pages_of(tmp_path),
        results={"estimates": estimates},
    )
    html = path.read_text(encoding="utf-8")
    assert path == tmp_path / "report.html"
    assert check_page(html) == []
    assert "show()" not in html
    order = ["We cannot tell.", *(f'<h2 id="{n}"' for n in ("pages", "limits", "record", "cite"))]
    places = [html.index(word) for word in order]
    assert places == sorted(places)
    for words in (
        "0123456789ab<",
        "2 January 2026",
        "Compiled for this project.",
        OGL_ATTRIBUTION,
        "A &lt;council&gt;",
        "seed is 7",
        "Accessibility statement",
        "10_evidence_summary: completed in 1.3 seconds",
    ):
        assert words in html
    rows = re.findall(r"<tr[ >].*?</tr>", html)
    assert sum("sun_abraham" in row and "unplanned" in row for row in rows) == 1
    assert sum("twfe" in row and "unplanned" not in row for row in rows) == 1


def test_what_changed_since_a_lock_stands_before_the_answer(tmp_path: Path) -> None:
    lock: dict[str, Any] = {
        **{"file": "x.lock.yml", "locked": "2025-01-31", "estimators": [], "outcomes": []},
        **{"comparison": "", "deviations": [], "unplanned": [{"kind": "estimator", "name": "<b>"}]},
    }
    lock["deviations"] = [{"key": "seed", "locked": 1, "now": 7, "how": "set for this run"}]

    def page(lock: dict[str, Any] | None) -> str:
        manifest = {**MANIFEST, "lock": lock}
        made = render_report(tmp_path, plan=plan(), manifest=manifest, pages=pages_of(tmp_path))
        return made.read_text(encoding="utf-8")

    html = page(lock)
    assert check_page(html) == []
    places = [
        html.index(words)
        for words in (
            '<a href="#since-lock">',
            "locked on 31 January 2025. This run has 1 deviation from it.",
            "<li>seed: 1 in the lock, 7 in this run (set for this run)</li>",
            "<li>unplanned estimator: &lt;b&gt;</li>",
            "We cannot tell.",
        )
    ]
    assert places == sorted(places)
    same = page({**lock, "deviations": [], "unplanned": []})
    assert "and nothing has changed since" in same and "since-lock" not in same
    assert "since-lock" not in page(None)


def test_a_failed_notebook_is_named_before_the_answer(tmp_path: Path) -> None:
    pages = pages_of(tmp_path)
    other = {"name": "05_effect", "title": "Effect", "status": "timed out", "html": "gone.html"}
    write_notebook(tmp_path / "notebooks" / "05_effect.ipynb", text("# Effect"))
    html = render_report(tmp_path, plan=plan(), manifest=MANIFEST, pages=[*pages, other]).read_text(
        encoding="utf-8"
    )
    box = html.index("Not everything in this report ran")
    assert box < html.index("We cannot tell.")
    assert "Its partial output is in notebooks/05_effect.ipynb." in html
    assert "gone.html" not in html


def test_a_summary_whose_page_could_not_be_made_is_not_embedded(tmp_path: Path) -> None:
    pages = pages_of(tmp_path, status="failed")
    html = render_report(tmp_path, plan=plan(), manifest=MANIFEST, pages=pages).read_text("utf-8")
    assert "There is no summary" in html
    assert "We cannot tell." not in html


def test_notes_on_the_inputs_stand_under_the_data_log(tmp_path: Path) -> None:
    manifest = {**MANIFEST, "notes": ["councils.csv has no <sidecar>"]}
    html = render_report(tmp_path, plan=plan(), manifest=manifest, pages=[]).read_text("utf-8")
    assert "[note 2] councils.csv has no &lt;sidecar&gt;" in html


def test_a_report_without_a_summary_says_so(tmp_path: Path) -> None:
    html = render_report(tmp_path, plan=plan(), manifest=MANIFEST, pages=[]).read_text("utf-8")
    assert "There is no summary" in html
    assert check_page(html) == []


def test_a_report_without_inputs_does_not_build(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="attributions"):
        render_report(tmp_path, plan=plan(), manifest={**MANIFEST, "inputs": []}, pages=[])
    assert not (tmp_path / "report.html").exists()


def test_a_report_is_the_same_at_every_run(tmp_path: Path) -> None:
    texts = [
        render_report(tmp_path, plan=plan(), manifest=MANIFEST, pages=pages_of(tmp_path)).read_text(
            encoding="utf-8"
        )
        for _ in range(2)
    ]
    assert texts[0] == texts[1]
