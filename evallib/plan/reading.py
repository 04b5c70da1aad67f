"""Read the text of a plan into plain values, keeping the line of every key."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from evallib.errors import Fault, PlanError
from evallib.plan.places import shown_path

Loc: TypeAlias = "tuple[str | int, ...]"
_MAX_BYTES = 1_000_000
_STANDARD = "tag:yaml.org,2002:"
_PLAIN = frozenset({"null", "bool", "int", "float", "timestamp", "str", "seq", "map", "value"})


@dataclass(frozen=True, slots=True)
class Source:
    """The plain values of a plan's file, and where each stands.

    Parameters
    ----------
    path : str
        The file as messages name it.
    values : dict
        The top-level mapping.
    lines : Mapping of location to int
        The line, from 1, of every key and list item.
    """

    path: str
    values: dict[str, Any]
    lines: Mapping[Loc, int]

    def where(self, loc: Loc) -> str:
        """Return the place of a value, with its line, or its parent's where it is missing."""
        for length in range(len(loc), 0, -1):
            if loc[:length] in self.lines:
                line = f" line {self.lines[loc[:length]]}"
                break
        else:
            line = ""
        return f"{self.path}{line}" + (f", {dotted(loc)}" if loc else "")


def dotted(loc: Loc) -> str:
    """Return a location in words, like ``outcomes[2].role``.

    Examples
    --------
    >>> dotted(("outcomes", 2, "role"))
    'outcomes[2].role'
    """
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_source(path: Path) -> Source:
    """Read a plan's file; only plain YAML values are understood.

    Parameters
    ----------
    path : pathlib.Path
        A YAML file in UTF-8.

    Returns
    -------
    Source
        The values with their lines.

    Raises
    ------
    PlanError
        If the file cannot be read, is not UTF-8, is cut off, is not YAML, is not a list of keys
        with values, repeats a key, or uses anchors or tags.
    """
    shown = shown_path(path)
    text = _read_text(path, shown)
    try:
        return _read_document(yaml.SafeLoader(text), shown)
    except RecursionError:
        raise _bad(
            shown, "is nested too deeply", "Write the values as in the shipped plans"
        ) from None
    except yaml.reader.ReaderError as error:
        raise _bad(
            shown,
            f"holds a character that YAML does not allow (number {error.position + 1} of the file)",
            "Delete it; the file may be cut off or damaged",
        ) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, shown, text) from None


def parse_value(text: str) -> Any:
    """Return the plain value that a piece of YAML stands for, as ``--set`` reads it.

    Parameters
    ----------
    text : str
        One YAML value: a literal, a list or a mapping of literals.

    Returns
    -------
    object
        The value; text is put in Unicode's composed form.

    Raises
    ------
    ValueError
        If the text is not one plain YAML value.

    Examples
    --------
    >>> parse_value("[2015/16, 2024/25]")
    ['2015/16', '2024/25']
    """
    try:
        loader = yaml.SafeLoader(unicodedata.normalize("NFC", text))
        node = loader.get_single_node()
        builder = _Builder(loader, "value")
        value = builder.build(node, ()) if node is not None else None
    except (yaml.YAMLError, RecursionError) as error:
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise ValueError(str(problem)) from None
    if builder.faults:
        raise ValueError(builder.faults[0].what)
    return value


def _bad(where: str, what: str, remedy: str) -> PlanError:
    return PlanError([Fault(where, what, "", remedy)])


def _read_text(path: Path, shown: str) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _bad(
            shown, f"cannot be read ({error.strerror})", "Check the path and its permissions"
        ) from None
    if len(raw) > _MAX_BYTES:
        raise _bad(shown, "is larger than a plan can be (1 MB)", "Give the path of a plan")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _bad(
            f"{shown} line {line}",
            f"is not UTF-8 text (byte {error.start + 1} of the file)",
            "Save the file as UTF-8; it may be of another kind, or cut off",
        ) from None
    return unicodedata.normalize("NFC", text)


def _syntax_error(error: yaml.MarkedYAMLError, shown: str, text: str) -> PlanError:
    mark = error.problem_mark
    if mark is not None and not text[mark.index :].strip("\0 \n\r\t"):
        return _bad(
            f"{shown} line {mark.line + 1}",
            "the file ends in the middle of a value: it may be cut off",
            "Restore the file, or close the open bracket or quotation mark",
        )
    line = f" line {mark.line + 1}" if mark is not None else ""
    remedy = "Mend that line; text with a colon, a bracket or a # in it goes in quotation marks"
    return _bad(f"{shown}{line}", f"is not valid YAML: {error.problem}", remedy)


def _read_document(loader: yaml.SafeLoader, shown: str) -> Source:
    node = loader.get_single_node()
    if node is None:
        raise _bad(shown, "is empty", "Write a plan: `evallib new NAME` gives a template")
    if not isinstance(node, yaml.MappingNode):
        raise _bad(
            shown,
            "is not a plan: its top level is not keys with values",
            "Write `key: value` lines: `evallib new NAME` gives a template",
        )
    builder = _Builder(loader, shown)
    values = builder.build(node, ())
    if builder.faults:
        raise PlanError(builder.faults)
    return Source(shown, values, builder.lines)


class _Builder:
    """Turn YAML nodes into plain values, collecting lines and faults."""

    def __init__(self, loader: yaml.SafeLoader, shown: str) -> None:
        self._loader = loader
        self._shown = shown
        self._seen: set[int] = set()
        self.lines: dict[Loc, int] = {}
        self.faults: list[Fault] = []

    def build(self, node: yaml.Node, loc: Loc) -> Any:
        """Return the plain value of one node."""
        self.lines.setdefault(loc, node.start_mark.line + 1)
        if id(node) in self._seen:
            return self._fault(node, loc, "repeats another value by an alias (*)", "Write it out")
        self._seen.add(id(node))
        if node.tag.removeprefix(_STANDARD) not in _PLAIN:
            return self._fault(node, loc, f"has the tag {node.tag!r}", "Write a plain value")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*loc, at)) for at, item in enumerate(node.value)]
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            kind = node.tag.removeprefix(_STANDARD)
            return self._fault(
                node, loc, f"{node.value[:40]!r} cannot be read as a {kind}", "Mend the value"
            )

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, loc, "has a list or a mapping as a key", "Write a plain key")
                continue
            key = str(key_node.value)
            here = (*loc, key)
            if key in result:
                self._fault(
                    key_node,
                    here,
                    f"is given twice (first on line {self.lines[here]})",
                    "Keep one of the two",
                )
                continue
            self.lines[here] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, here)
        return result

    def _fault(self, node: yaml.Node, loc: Loc, what: str, remedy: str) -> None:
        where = f"{self._shown} line {node.start_mark.line + 1}"
        where += f", {dotted(loc)}" if loc else ""
        self.faults.append(Fault(where, what, "", remedy))
