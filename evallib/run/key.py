"""The name of a run: what differs from the plan's file, and a hash of all that went in."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallib.plan import Plan
from evallib.plan.lock import states_of

_LONGEST_SLUG = 60
_CODE_SUFFIXES = (".py", ".css", ".csv", ".j2", ".html", ".tpl", ".svg", ".json", ".yml")


@dataclass(frozen=True, slots=True)
class RunKey:
    """What identifies a run: four hashes and a readable slug.

    Parameters
    ----------
    slug : str
        What differs from the plan's file, or ``default``.
    plan, data, notebooks, code : str
        sha256 of the effective plan, of the raw tables with what is declared of them, of the
        source notebooks and of the package, 64 hexadecimal digits each.
    """

    slug: str
    plan: str
    data: str
    notebooks: str
    code: str

    @property
    def run_id(self) -> str:
        """The folder's name: the slug and eight digits of the hash of the four."""
        whole = hashlib.sha256(
            "\n".join((self.plan, self.data, self.notebooks, self.code)).encode("ascii")
        )
        return f"{self.slug}-{whole.hexdigest()[:8]}"


def run_key(
    plan: Plan, inputs: Iterable[Mapping[str, Any]], notebooks: Sequence[Path], package: Path
) -> RunKey:
    """Return the key of a run.

    Parameters
    ----------
    plan : Plan
        The plan, overrides applied; its path does not count.
    inputs : iterable of mapping
        One a raw table, see `evallib.plan.lock.states_of`.
    notebooks : sequence of pathlib.Path
        The source notebooks.
    package : pathlib.Path
        The folder of the package's sources.

    Returns
    -------
    RunKey
        The same for the same plan, data, notebooks and code, on any machine.
    """
    sources = sorted(
        path
        for path in package.rglob("*")
        if path.suffix in _CODE_SUFFIXES and "__pycache__" not in path.parts
    )
    return RunKey(
        slug=slug_of(plan.differences()),
        plan=plan.key(),
        data=_hash_of(states_of(inputs).items()),
        notebooks=_hash_of((path.name, sha256_of(path)) for path in sorted(notebooks)),
        code=_hash_of((path.relative_to(package).as_posix(), sha256_of(path)) for path in sources),
    )


def slug_of(differences: Mapping[str, Any]) -> str:
    """Return what differs from the plan's file as one readable word.

    Parameters
    ----------
    differences : mapping
        Dotted keys to values.

    Returns
    -------
    str
        Lower-case letters, digits, ``_``, ``.`` and ``-``; at most 60 characters.

    Examples
    --------
    >>> slug_of({"history.years": 10, "comparison": "never_treated"})
    'comparison-never_treated-history.years-10'
    >>> slug_of({})
    'default'
    """
    parts = [f"{key}-{_word(value)}" for key, value in sorted(differences.items())]
    text = unicodedata.normalize("NFKD", "-".join(parts)).encode("ascii", "ignore").decode("ascii")
    slug = re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-.")
    return slug[:_LONGEST_SLUG].rstrip("-.") or "default"


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_of(pairs: Iterable[tuple[str, str]]) -> str:
    text = json.dumps(list(pairs), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _word(value: object) -> str:
    if isinstance(value, Mapping):
        return "-".join(f"{key}-{_word(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "-".join(_word(item) for item in value)
    return "none" if value is None else str(value)
