"""Joint events: one decision for several councils, so one assignment and one cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from evallib.errors import did_you_mean
from evallib.exposure.events import CONFIDENCE_ORDER, PRECISION_ORDER
from evallib.exposure.same_event import SAME_EVENT_DAYS, days_between

JOINT = ["councils", "codes", "kind", "start_date", "sides"]
_WITH = re.compile(r"\bjoint(?:ly)? with\s+", re.IGNORECASE)
_WORD = re.compile(r"\bjoint\b", re.IGNORECASE)
_AND = re.compile(r"\s*(?:,\s*and\b|,|&|\band\b)\s*", re.IGNORECASE)
_END = re.compile(r"[,;.(]")
_TAIL = re.compile(
    r"\s+(?:county|district|borough|city|metropolitan borough|county borough)?\s*council$"
    r"|\s+county$"
)
_HEAD = re.compile(r"^(?:the |city of |royal borough of |london borough of )+")
_DATED = ("start_date", "date_precision", "confidence", "earliest", "latest", "event_date")


def plain_name(name: str) -> str:
    """Return a council's name without what spellings differ in.

    Examples
    --------
    >>> plain_name("St. Albans City Council"), plain_name("Brighton & Hove")
    ('st albans', 'brighton and hove')
    """
    text = re.sub(r"[.'’]", "", name.casefold()).replace("&", " and ")
    text = " ".join(text.split())
    return _HEAD.sub("", _TAIL.sub("", text))


def names_of_councils(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return codes by plain name; a name that several councils share is left out.

    Parameters
    ----------
    pairs : sequence of (name, code)
        Names as tables write them.
    """
    whole: dict[str, set[str]] = {}
    plain: dict[str, set[str]] = {}
    for name, code in pairs:
        whole.setdefault(" ".join(name.casefold().split()), set()).add(code)
        plain.setdefault(plain_name(name), set()).add(code)
    found = {name: min(codes) for name, codes in plain.items() if len(codes) == 1}
    return found | {name: min(codes) for name, codes in whole.items() if len(codes) == 1}


def read_partners(note: str, names: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the councils that a note calls partners, and what it names that is no council.

    Parameters
    ----------
    note : str
        A note such as 'Joint with Babergh and Ipswich; virtual'.
    names : mapping of str to str
        Codes by name, see `names_of_councils`.

    Returns
    -------
    codes : list of str
        Partners in their order.
    unknown : str
        The first name that is no council's, empty when there is none.

    Examples
    --------
    >>> read_partners("Joint with Babergh, virtual", {"babergh": "E07000200"})
    (['E07000200'], '')
    """
    begins = _WITH.search(note)
    if begins is None:
        return [], ""
    rest = note[begins.end() :]
    codes: list[str] = []
    while rest:
        code, length = _longest_name(rest, names)
        if not code:
            word = _END.split(rest, maxsplit=1)[0].strip()
            # After the first partner, words in lower case go on about something else.
            is_name = not codes or word[:1].isupper()
            return codes, word if is_name else ""
        codes.append(code)
        following = _AND.match(rest[length:])
        if following is None:
            return codes, ""
        rest = rest[length + following.end() :]
    return codes, ""


def _longest_name(text: str, names: Mapping[str, str]) -> tuple[str, int]:
    """Return the code of the longest council's name with which a text begins, and its length."""
    ends = [match.start() for match in re.finditer(r"(?=[\s,;.()&]|$)", text)]
    for end in sorted(set(ends), reverse=True):
        words = text[:end]
        code = names.get(" ".join(words.casefold().split())) or names.get(plain_name(words))
        if code:
            return code, end
    return "", 0


def settle_joint_events(
    events: pd.DataFrame, councils: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return events with joint ones made one assignment, and a list of them.

    All sides of a joint event carry the date, precision and confidence of the side that is dated
    best. A partner without a row of its own, within `SAME_EVENT_DAYS` of the possible days, is
    given one: the event was its own as well. Sides whose rows lie further apart are two events.

    Parameters
    ----------
    events : pandas.DataFrame
        Events as `join_same_events` returns them.
    councils : pandas.DataFrame
        council_code and council_name of every council that may be named.

    Returns
    -------
    events : pandas.DataFrame
        With joint_id: a name that the sides of one joint event share, else empty.
    joint : pandas.DataFrame
        One row an event whose note speaks of a joint one: councils, codes (joined by ;), kind,
        start_date and sides (what is on file of them, in words).
    """
    result = events.assign(joint_id="")
    mentions = events.index[events["note"].str.contains(_WORD)]
    if mentions.empty:
        return result, pd.DataFrame(columns=JOINT)
    columns = ["council_name", "council_code"]
    pairs = pd.concat([councils[columns], events[columns]]).drop_duplicates()
    names = names_of_councils([(str(name), str(code)) for name, code in pairs.to_numpy()])
    name_of = dict(zip(pairs["council_code"], pairs["council_name"], strict=True))
    name_of |= dict(zip(councils["council_code"], councils["council_name"], strict=True))
    rows = dict(enumerate(result.to_dict("records")))
    settled: set[int] = set()
    listed: list[tuple[str, ...]] = []
    for place in mentions:
        if place in settled:
            continue
        partners, unknown = read_partners(rows[place]["note"], names)
        if not partners and not unknown:
            listed.append(_entry([rows[place]], "the note says joint and names no council"))
            continue
        sides, words = _sides(rows, place, names, name_of)
        settled.update(sides)
        if len(sides) > 1:
            _agree(rows, sides)
        listed.append(_entry([rows[side] for side in sides], "; ".join(words)))
    table = pd.DataFrame.from_records(list(rows.values()), columns=list(result.columns))
    return table.astype(result.dtypes.to_dict()), pd.DataFrame(listed, columns=JOINT)


def _sides(
    rows: dict[int, dict[Any, Any]],
    place: int,
    names: Mapping[str, str],
    name_of: Mapping[str, str],
) -> tuple[list[int], list[str]]:
    """Return the rows of a joint event, one a council, and what is said of them.

    The notes of all sides are read: who names a partner of a partner names a side. A partner
    without a row is given one, at the end of `rows`.
    """
    sides, words, waiting = {rows[place]["council_code"]: place}, [], [place]
    while waiting:
        event = rows[waiting.pop(0)]
        partners, unknown = read_partners(event["note"], names)
        if unknown:
            words.append(f"'{unknown}' is no council.{did_you_mean(unknown, name_of.values())}")
        for code in partners:
            if code in sides:
                continue
            near, days = _nearest(rows, code, event)
            if near is None or days > SAME_EVENT_DAYS:
                words.append(f"{name_of[code]} has no row of its own and is given one")
                if near is not None:
                    words[-1] += f" (its {rows[near]['start_date']} is another event)"
                near = max(rows) + 1
                own = {"council_code": code, "council_name": name_of[code], "note": ""}
                rows[near] = {**event, **own}
            sides[code] = near
            waiting.append(near)
    return list(sides.values()), words or ["each side has its row"]


def _nearest(
    rows: Mapping[int, Mapping[Any, Any]], code: str, event: Mapping[Any, Any]
) -> tuple[int | None, int]:
    """Return the council's row of the same kind that is nearest in time, and the days between."""
    own = {
        at: days_between(row, event)
        for at, row in rows.items()
        if row["council_code"] == code and row["kind"] == event["kind"]
    }
    near = min(own, key=lambda at: own[at], default=None)
    return near, own[near] if near is not None else 0


def _agree(rows: dict[int, dict[Any, Any]], sides: list[int]) -> None:
    """Give every side the date of the one that is dated best, and one name to all."""
    best = min(sides, key=lambda at: _rank(rows[at]))
    name = f"{min(rows[at]['council_code'] for at in sides)} {rows[best]['start_date']}"
    for at in sides:
        rows[at] = {**rows[at], **{key: rows[best][key] for key in _DATED}, "joint_id": name}


def _rank(row: Mapping[Any, Any]) -> tuple[int, int, Any]:
    precision, confidence = PRECISION_ORDER[row["date_precision"]], row["confidence"]
    return precision, -CONFIDENCE_ORDER[confidence], row["earliest"]


def _entry(rows: Sequence[Mapping[Any, Any]], sides: str) -> tuple[str, ...]:
    ordered = sorted(rows, key=lambda row: str(row["council_name"]))
    return (
        " and ".join(str(row["council_name"]) for row in ordered),
        ";".join(str(row["council_code"]) for row in ordered),
        str(rows[0]["kind"]),
        str(rows[0]["start_date"]),
        sides,
    )


def clusters(councils: pd.DataFrame) -> pd.Series:
    """Return a cluster's name by council: councils whose studied event is one share one.

    Parameters
    ----------
    councils : pandas.DataFrame
        council_code and joint_id of the studied event (empty where it was not joint).
    """
    shared = councils[councils["joint_id"] != ""].groupby("joint_id")["council_code"].min()
    own = dict(zip(councils["council_code"], councils["joint_id"], strict=True))
    named = {code: shared[event] if event else code for code, event in own.items()}
    return councils["council_code"].map(named)
