"""Statements that stand on every report: limits of use and accessibility."""

from __future__ import annotations

LIMITS: tuple[str, ...] = (
    "Councils do not meet these events at random: some meet them because things are going wrong, "
    "others because they are going well. A difference after an event is not by itself its effect.",
    "The registers are incomplete. Some councils that count as not exposed may have been exposed, "
    "which would pull estimates towards zero if the effect on them were alike; otherwise the "
    "direction is not known.",
    "An interval that holds zero does not show that nothing changed. Where it also holds changes "
    "that would matter, we cannot tell.",
    "A trend without a comparison group is description, not impact.",
    "The estimates are averages over councils. They say nothing about any one council and must "
    "not be used to rank or judge councils.",
    "The outcomes are what published statistics measure. They are not the whole of what a council "
    "does, and definitions change over time.",
    "The more outcomes and methods are looked at, the likelier a striking figure arises by chance. "
    "Read the primary outcomes first, and unplanned analyses as questions for later work.",
)

ACCESSIBILITY: tuple[str, ...] = (
    "This report is designed to meet level AA of the Web Content Accessibility Guidelines 2.2. "
    "Every page is checked before it is written for its language, title, headings, landmarks, "
    "tables, alternative text and links.",
    "It is made to be used with a keyboard alone, enlarged to 400 per cent and read with a screen "
    "reader. Every chart has a description and a table of its figures that can be downloaded.",
    "On narrow screens tables of more than three columns are shown a block a row, each figure with "
    "its heading; charts scroll sideways inside their own region. Equations are MathML, which some "
    "older screen readers do not read.",
    "The checks are automatic. The report has not been tested by people who use assistive "
    "technology. If you cannot use a part of it, ask whoever published it for another form.",
)
