"""Room 1: YAML text to plain values, each with the place where it stands.

Takes a file; gives mappings, lists and scalars as YAML 1.2 reads them (``yes`` and dates are texts), and every error
of the text at once. It knows nothing of what the keys mean.
"""

from __future__ import annotations

import re
from dataclasses import field
from pathlib import Path
from typing import Any

import yaml

from headrace.dataclass import dataclass
from headrace.errors import StreamError, StreamErrors
from headrace.values import Position

KeyPath = tuple[str | int, ...]
"""Keys and list indexes from the root of a file to a value."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan"),
}  # fmt: skip
_DEEPEST = 64
_DEEPEST_TEXT = 5_000  # libyaml builds values by recursion, and 50,000 levels end the process
_LONGEST_NUMBER = 1_000
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Where the characters of a text stand: line and column of its first, and how far its lines are indented.

    A text whose lines YAML folds or escapes has no such places; then `exact` is False and all is at the first.
    """

    start: Position
    indent: int = 0
    exact: bool = True

    def at(self, line: int, column: int) -> Position:
        """Return the place in the file of a line and column of the text, both counted from 1."""
        if not self.exact:
            return self.start
        first = self.start.column if line == 1 else self.indent + 1
        return Position(self.start.file, self.start.line + line - 1, first + column - 1)


@dataclass(slots=True)
class YamlTree:
    """The values of a file and their places; `keys` holds where the key of a value stands, `values` the value."""

    root: Any = None
    keys: dict[KeyPath, Position] = field(default_factory=dict)
    values: dict[KeyPath, Position] = field(default_factory=dict)
    texts: dict[KeyPath, TextPlace] = field(default_factory=dict)
    errors: list[StreamError] = field(default_factory=list)

    def key_at(self, path: KeyPath) -> Position:
        """Return where the key stands, or the nearest enclosing value that the file holds."""
        return self.keys.get(path) or self.value_at(path)

    def value_at(self, path: KeyPath) -> Position:
        """Return where the value stands, or the nearest enclosing one that the file holds."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Position("pipeline", 1, 1))

    def option_at(self, path: KeyPath, name: str) -> Position:
        """Return where the key of an option stands, whose names ignore case, or else the value that would hold it."""
        for known, at in self.keys.items():
            if known[:-1] == (*path, "options") and str(known[-1]).lower() == name.lower():
                return at
        return self.value_at(path)


def read_tree(path: Path) -> YamlTree:
    """Return the values of a YAML file.

    Raises:
        StreamErrors: CONFIG_FILE_UNREADABLE; duplicate keys and bad tags are left in `errors` of the tree.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise StreamErrors([StreamError("CONFIG_FILE_UNREADABLE", message)]) from error
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8: byte {error.start} does not decode."
        raise StreamErrors([StreamError("CONFIG_FILE_UNREADABLE", message)]) from error
    return parse_tree(text, str(path), path.parent)


def parse_tree(text: str, file: str, folder: Path) -> YamlTree:
    """Return the values of a YAML text.

    Args:
        text: One document.
        file: The name that positions carry.
        folder: Where ``!file`` paths start.

    Raises:
        StreamErrors: CONFIG_FILE_UNREADABLE when the text is no YAML.
    """
    try:
        _check_depth(text, file)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = _position(mark, file)
        message = f"this is no YAML: {error.problem or error.context}."
        line = text.splitlines()[at.line - 1] if at.line <= text.count("\n") + 1 and text else ""
        hint = 'Inside { } and [ ] write references in quotes: "${env:NAME}".' if "${" in line else None
        raise StreamErrors([StreamError("CONFIG_FILE_UNREADABLE", message, at=at, hint=hint)]) from error
    except yaml.YAMLError as error:
        message = f"this is no YAML: {' '.join(str(error).split())}."
        raise StreamErrors([StreamError("CONFIG_FILE_UNREADABLE", message, at=Position(file, 1, 1))]) from error
    reader = _Reader(text.splitlines(), file, folder)
    reader.tree.values[()] = Position(file, 1, 1)
    if node is not None:
        reader.tree.root = reader.value(node, ())
    return reader.tree


def _check_depth(text: str, file: str) -> None:
    """Refuse a text of so many levels that it could not be composed; one with few openers has few levels."""
    if sum(map(text.count, "[{:-?")) <= _DEEPEST_TEXT:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_TEXT:
            message = f"values stand inside each other more than {_DEEPEST} times."
            error = StreamError("CONFIG_FILE_UNREADABLE", message, at=_position(event.start_mark, file))
            raise StreamErrors([error])


def _position(mark: Any, file: str) -> Position:
    return Position(file, mark.line + 1, mark.column + 1) if mark else Position(file, 1, 1)


class _Reader:
    """One walk over the node tree of one text."""

    def __init__(self, lines: list[str], file: str, folder: Path) -> None:
        self.tree = YamlTree()
        self._lines = lines
        self._file = file
        self._folder = folder
        self._open: set[int] = set()

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.tree.values[path] = at = self._position(node)
        if id(node) in self._open:
            self._fail("CONFIG_INVALID_VALUE", "an alias stands inside the value it names.", at)
            return None
        if len(path) > _DEEPEST:
            self._fail("CONFIG_INVALID_VALUE", f"values stand inside each other more than {_DEEPEST} times.", at)
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                merged |= self._merged(value_node, path)
                continue
            at = self._position(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._fail("CONFIG_INVALID_VALUE", "a key is a list or mapping; allowed: a text.", at)
                continue
            key, place = key_node.value, (*path, key_node.value)
            if key in own:
                first = self.tree.keys[place]
                message = f'the key "{key}" stands twice; the first is in line {first.line}.'
                self._fail("CONFIG_DUPLICATE_KEY", message, at)
                continue
            self.tree.keys[place] = at
            own[key] = self.value(value_node, place)
        return {key: value for key, value in merged.items() if key not in own} | own

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in reversed(parts):
            value = self.value(part, path)
            if isinstance(value, dict):
                merged |= value
            else:
                message = "<< takes a mapping or a list of mappings."
                self._fail("CONFIG_INVALID_VALUE", message, self._position(part))
        return merged

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        if node.tag == "!file":
            return self._file_text(node, path)
        if not node.tag.startswith(_TAG):
            message = f"the tag {node.tag} is not known; allowed: !file."
            self._fail("CONFIG_INVALID_VALUE", message, self._position(node))
            return None
        style = getattr(node, "style", None) or ""
        value = node.value if style else plain_value(node.value, node.tag)
        if isinstance(value, str):
            self.tree.texts[path] = self._text_place(node, style)
        return value

    def _file_text(self, node: yaml.Node, path: KeyPath) -> str | None:
        file = self._folder / str(node.value)
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            message = f"the file {file} cannot be read: {why}."
            self._fail("CONFIG_INVALID_VALUE", message, self._position(node))
            return None
        self.tree.texts[path] = TextPlace(Position(str(file), 1, 1))
        return text

    def _text_place(self, node: yaml.Node, style: str) -> TextPlace:
        at = self._position(node)
        one_line = node.start_mark.line == node.end_mark.line
        if style == "|":
            return self._block_place(at)
        if style in {"'", '"'}:
            unescaped = one_line and node.end_mark.column - node.start_mark.column == len(node.value) + 2
            return TextPlace(Position(at.file, at.line, at.column + 1) if unescaped else at, exact=unescaped)
        return TextPlace(at, exact=one_line and style == "")

    def _block_place(self, at: Position) -> TextPlace:
        header = self._lines[at.line - 1][at.column - 1 :]
        explicit = re.match(r"\|[+-]?([1-9])", header)
        below = self._lines[at.line :]
        first = next((line for line in below if line.strip()), "")
        indent = len(first) - len(first.lstrip(" "))
        # With an explicit indent, spaces that begin the first line may belong to the text.
        return TextPlace(Position(at.file, at.line + 1, indent + 1), indent, exact=explicit is None)

    def _position(self, node: yaml.Node) -> Position:
        return Position(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _fail(self, code: str, message: str, at: Position) -> None:
        self.tree.errors.append(StreamError(code, message, at=at))


def plain_value(text: str, tag: str = "") -> Any:
    """Return what an unquoted YAML scalar means: null, true, false, a number or the text itself.

    PyYAML's own rules are YAML 1.1's, in which ``no`` is false, ``010`` is eight and dates are not texts.
    """
    if text in _SPECIAL:
        return _SPECIAL[text] if tag != f"{_TAG}str" else text
    if (tag == f"{_TAG}str" and not any(mark in text for mark in "eE")) or len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text, 16) if text.startswith("0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(text.replace(".", "")) if _INFINITY.fullmatch(text) else text
