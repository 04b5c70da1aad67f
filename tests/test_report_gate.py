"""The gate finds each fault that it names, and nothing in a page that is well."""

from __future__ import annotations

from pathlib import Path

import pytest

from evallib.report.gate import OGL_ATTRIBUTION, SIZE_BUDGET, ReportError, check_page, require_page

TABLE = (
    "<table><caption>Councils</caption><thead><tr><th scope='col'>Type</th>"
    "<th scope='col'>Councils</th></tr></thead><tbody><tr><th scope='row'>unitary</th>"
    "<td>62</td></tr></tbody></table>"
)
PICTURE = "<svg role='img' aria-labelledby='t'><title id='t'>Bars</title><path d='M0 0'/></svg>"
GOOD = (
    '<!doctype html><html lang="en-GB"><head><title>Peer challenges: report</title>'
    '<meta name="viewport" content="width=device-width"></head><body>'
    '<a href="#content">Skip</a><header>Report</header><nav><a href="#one">One</a></nav>'
    f'<main id="content"><h1>Peer challenges</h1><h2 id="one">One</h2>{TABLE}{PICTURE}'
    '<p><a href="https://www.gov.uk/">A link is no request</a></p></main>'
    f"<footer>{OGL_ATTRIBUTION}</footer></body></html>"
)


def test_a_good_page_passes(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(GOOD, encoding="utf-8")
    assert check_page(GOOD) == check_page(page) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("<!doctype html>", "", "no document type"),
        ('lang="en-GB"', 'lang="en"', "the language is 'en'"),
        ("Peer challenges: report</title>", "report</title>", "the title is 'report'"),
        ("<title>Peer challenges: report</title>", "", "the title is ''"),
        ('name="viewport"', 'name="author"', "no viewport"),
        ("<nav>", "<div>", "no nav"),
        ('<a href="#content">Skip</a>', "", "no skip link first"),
        ('<a href="#content">', '<a href="https://x.example">', "no skip link first"),
        ("<h1>Peer challenges</h1>", "<h2>Peer challenges</h2>", "0 headings h1"),
        ("<h2 id", "<h1>Again</h1><h2 id", "2 headings h1"),
        ("<h2 id", "<h3>Deep</h3><h2 id", "'Deep' is h3 after h1"),
        ("<h2 id", "<h2></h2><h2 id", "an empty h2"),
        (PICTURE, "<svg><path d='M0 0'/></svg>", "no alternative text"),
        (PICTURE, PICTURE.replace("role='img'", ""), "no alternative text"),
        (PICTURE, PICTURE.replace("Bars", ""), "no alternative text"),
        (PICTURE, "<img src='data:image/png;base64,AA'>", "no alternative text"),
        ("<caption>Councils</caption>", "", "has no caption"),
        ("<caption>Councils</caption>", "<caption></caption>", "has no caption"),
        ("<th scope='row'>", "<th>", "1 headers without scope"),
        ("<td>62</td>", "<td></td>", "1 empty cells"),
        ("<td>62</td>", "<td rowspan='2'>62</td>", "merged cells"),
        ("</tr></thead>", "</tr><tr><th scope='col'>a</th></tr></thead>", "2 header rows"),
        ("<header>", "<header id='one'>", "the id 'one' stands 2 times"),
        ("</main>", "<a href='#nowhere'>x</a></main>", "'#nowhere' points to nothing"),
        ("</head>", "<link rel='stylesheet' href='https://x.example/a.css'></head>", "loads"),
        ("</head>", "<style>@import 'a.css'</style></head>", "loads"),
        ("</head>", "<style>p{background:url(a.png)}</style></head>", "loads"),
        ("</main>", "<img alt='' src='http://x.example/a.png'></main>", "loads"),
        ("</main>", "<img alt='' src='picture.png'></main>", "loads"),
        ("</main>", "<iframe src='//x.example'></iframe></main>", "loads"),
        ("</main>", "<script>1</script></main>", "<script> runs something"),
        ("</main>", "<p onclick='x()'>x</p></main>", "onclick"),
        ("</main>", "<a href='javascript:x()'>x</a></main>", "javascript"),
        (OGL_ATTRIBUTION, "", "attribution is missing"),
        ("</main>", f"<p>{'x' * SIZE_BUDGET}</p></main>", "over the budget of 2 MB"),
    ],
)
def test_each_fault_is_named(old: str, new: str, fault: str) -> None:
    assert old in GOOD
    page = GOOD.replace(old, new, 1)
    if old == "<nav>":
        page = page.replace("</nav>", "</div>")
    assert fault in "\n".join(fault.what for fault in check_page(page, where="page"))


def test_all_faults_are_raised_together() -> None:
    page = GOOD.replace("en-GB", "fr").replace("<caption>Councils</caption>", "")
    with pytest.raises(ReportError) as caught:
        require_page(page, where="04_effect.html")
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert all(line.startswith("04_effect.html: ") for line in lines)


def test_text_of_an_attribution_in_a_comment_does_not_count() -> None:
    page = GOOD.replace(OGL_ATTRIBUTION, f"<!-- {OGL_ATTRIBUTION} -->")
    assert len(check_page(page)) == 1
