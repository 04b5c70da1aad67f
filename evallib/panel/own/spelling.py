"""Spellings of council names: what publishers vary, and what a spelling says of the council."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

ANY = frozenset({"county", "district", "unitary", "metropolitan district", "london borough"})
_COUNTY = frozenset({"county", "unitary"})
_NOT_COUNTY = ANY - {"county"}
_METROPOLITAN = frozenset({"metropolitan district"})
_LONDON = frozenset({"london borough"})

# What stands before or behind a name, longest first, and the types of council that it allows.
_BEFORE: tuple[tuple[str, frozenset[str]], ...] = (
    ("london borough of", _LONDON),
    ("royal borough of", _NOT_COUNTY),
    ("metropolitan borough of", _METROPOLITAN),
    ("borough of", _NOT_COUNTY),
    ("city of", _NOT_COUNTY),
    ("county of", _COUNTY),
    ("council of", ANY),
    ("lb of", _LONDON),
    ("county", _COUNTY),
    ("lb", _LONDON),
    ("the", ANY),
)
_BEHIND: tuple[tuple[str, frozenset[str]], ...] = (
    ("metropolitan borough council", _METROPOLITAN),
    ("metropolitan district council", _METROPOLITAN),
    ("metropolitan borough", _METROPOLITAN),
    ("metropolitan district", _METROPOLITAN),
    ("london borough council", _LONDON),
    ("london borough of", _LONDON),
    ("london borough", _LONDON),
    ("royal borough of", _NOT_COUNTY),
    ("royal borough council", _NOT_COUNTY),
    ("royal borough", _NOT_COUNTY),
    ("non metropolitan district", frozenset({"district"})),
    ("unitary authority", frozenset({"unitary"})),
    ("unitary council", frozenset({"unitary"})),
    ("city and county council", _NOT_COUNTY),
    ("city and district council", _NOT_COUNTY),
    ("county council", _COUNTY),
    ("city council", _NOT_COUNTY),
    ("borough council", _NOT_COUNTY),
    ("district council", frozenset({"district"})),
    ("town council", frozenset()),
    ("parish council", frozenset()),
    ("city of", _NOT_COUNTY),
    ("county of", _COUNTY),
    ("unitary", frozenset({"unitary"})),
    ("ua", frozenset({"unitary"})),
    ("mbc", _METROPOLITAN),
    ("mdc", _METROPOLITAN),
    ("lbc", _LONDON),
    ("lb", _LONDON),
    ("bc", _NOT_COUNTY),
    ("dc", frozenset({"district"})),
    ("county", _COUNTY),
    ("district", frozenset({"district"})),
    ("borough", _NOT_COUNTY),
    ("city", _NOT_COUNTY),
    ("cc", ANY),
    ("council", ANY),
)
# Whole names in use that no rule leads to the name of councils.csv.
_ALSO: dict[str, str] = {
    "hull": "kingston on hull",
    "bcp": "bournemouth christchurch and poole",
    "bournemouth christchurch poole": "bournemouth christchurch and poole",
    "bath and ne somerset": "bath and north east somerset",
    "banes": "bath and north east somerset",
    "b and nes": "bath and north east somerset",
    "east riding": "east riding of yorkshire",
    "scilly isles": "isles of scilly",
    "scilly": "isles of scilly",
    "shepway": "folkestone and hythe",
    "the wrekin": "telford and wrekin",
    "south buckinghamshire": "south bucks",
    "medway towns": "medway",
    "london corporation": "city of london",
    "city of london corporation": "city of london",
    "corporation of london": "city of london",
    "london city of": "city of london",
    "st edmundsbury": "st edmundsbury",
}
# A name whose rest would mean something else when what stands around it is taken away.
_WHOLE = frozenset({"city of london"})


@dataclass(frozen=True, slots=True)
class Spelling:
    """A name as written, in the form in which names are compared.

    Parameters
    ----------
    full : str
        Lower case, without accents, marks and runs of blanks; 'and' for '&', 'on' for 'upon',
        'st' for 'saint'.
    base : str
        The same without what stands around the name: 'city of', 'borough council', 'mbc'.
    types : frozenset of str
        The types of council that the spelling allows; empty for a town or parish council.
    """

    full: str
    base: str
    types: frozenset[str]


def read_spelling(name: str) -> Spelling:
    """Return a name in the form in which names are compared.

    Parameters
    ----------
    name : str
        A council's name in any usual spelling.

    Returns
    -------
    Spelling
        The form; `base` is never empty unless `name` holds no letter.

    Examples
    --------
    >>> read_spelling("Bristol, City of").base, read_spelling("Bristol City Council").base
    ('bristol', 'bristol')
    >>> sorted(read_spelling("Dorset County Council").types)
    ['county', 'unitary']
    >>> read_spelling("St. Helens MBC").base
    'st helens'
    """
    full = _plain(name)
    if full in _ALSO:
        return Spelling(_ALSO[full], _stripped(_ALSO[full])[0], ANY)
    base, types = _stripped(full)
    if base in _ALSO:
        base = _stripped(_ALSO[base])[0]
    return Spelling(full, base, types)


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKD", name)
    text = "".join(letter for letter in text if not unicodedata.combining(letter)).casefold()
    text = re.sub(r"['\u2018\u2019`\u02bc]", "", text.replace("&", " and "))
    words = re.findall(r"[a-z0-9]+", text)
    same = {"upon": "on", "saint": "st"}
    return " ".join(same.get(word, word) for word in words)


def _stripped(full: str) -> tuple[str, frozenset[str]]:
    base, types = full, ANY
    changed = True
    while changed and base not in _WHOLE:
        changed = False
        for words, allowed in _BEHIND:
            if base.endswith(f" {words}"):
                base, types, changed = base.removesuffix(f" {words}"), types & allowed, True
                break
        for words, allowed in _BEFORE:
            if not changed and base.startswith(f"{words} "):
                base, types, changed = base.removeprefix(f"{words} "), types & allowed, True
    return base, types
