"""Room 2: XPath over XML texts, for location paths of names, *, //, @name, text() and [place], and count() and sum().

Takes texts and a path; gives nodes, texts and numbers. Source: Spark UDFXPathUtil. Other paths are refused beforehand.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

from headrace.dataclass import dataclass
from headrace.sql.vectorised.by_value import ConditionError

_STEP = re.compile(
    r"(?P<axis>//?)?(?:(?P<text>text\(\))|(?P<attribute>@[\w.-]+)|(?P<name>\*|[\w.-]+))(?:\[(?P<place>\d+)\])?"
)
_CALL = re.compile(r"\s*(sum|count)\(\s*(.*?)\s*\)\s*")


@dataclass(frozen=True, slots=True)
class _Document:
    """The node above the root element."""

    root: ET.Element


_Node = ET.Element | _Document | str


def is_xpath(path: str) -> bool:
    """Return True for a path that is done here."""
    call = _CALL.fullmatch(path)
    inner = call[2] if call else path.strip()
    if "//text()" in inner:
        return False
    return bool(inner) and re.fullmatch(f"(?:{re.sub(r'[?]P<[a-z]+>', '?:', _STEP.pattern)})+", inner) is not None


def _document(text: str) -> _Document:
    if re.search(r"<!DOCTYPE|<!ENTITY", text, re.IGNORECASE):
        raise ConditionError("INVALID_XML", "The XML holds a document type, which is not allowed.")
    try:
        return _Document(ET.fromstring(text))  # noqa: S314 -- no document type stands in it
    except ET.ParseError as error:
        raise ConditionError("INVALID_XML", f"The text is no XML: {error}.") from error


def _select(text: str, path: str) -> list[_Node]:
    document = _document(text)
    order = {id(node): place for place, node in enumerate(document.root.iter())}
    nodes: list[_Node] = [document]
    for step in _STEP.finditer(path.strip()):
        found: list[_Node] = []
        for node in nodes:
            for start in _below(node) if step["axis"] == "//" else [node]:
                matched = _children(start, step)
                found += matched if step["place"] is None else matched[int(step["place"]) - 1 : int(step["place"])]
        nodes = found
        if any(isinstance(node, ET.Element) for node in found):
            nodes = sorted({id(node): node for node in found}.values(), key=lambda node: order[id(node)])
    return nodes


def _below(node: _Node) -> list[_Node]:
    if isinstance(node, str):
        return []
    root = node.root if isinstance(node, _Document) else node
    return [node, *(root.iter() if isinstance(node, _Document) else list(root.iter())[1:])]


def _children(node: _Node, step: re.Match[str]) -> list[_Node]:
    if isinstance(node, str):
        return []
    if isinstance(node, _Document):
        return [node.root] if step["name"] in ("*", node.root.tag) else []
    if step["attribute"]:
        value = node.get(step["attribute"][1:])
        return [] if value is None else [value]
    if step["text"]:
        texts = [node.text, *(child.tail for child in node)]
        return [text for text in texts if text]
    return [child for child in node if step["name"] in ("*", child.tag)]


def _text(node: _Node) -> str:
    if isinstance(node, str):
        return node
    return "".join((node.root if isinstance(node, _Document) else node).itertext())


def xpath(text: str, path: str) -> list[str | None]:
    """Return the value of each node: the text of texts and attributes, None for elements."""
    return [node if isinstance(node, str) else None for node in _select(text, path)]


def xpath_string(text: str, path: str) -> str:
    """Return the text of the first node, an empty one where there is none."""
    if _CALL.fullmatch(path):
        value = xpath_number(text, path)
        return str(int(value)) if value == int(value) else str(value)
    nodes = _select(text, path)
    return _text(nodes[0]) if nodes else ""


def xpath_boolean(text: str, path: str) -> bool:
    """Return True when there is a node, or the number is neither 0 nor NaN."""
    if _CALL.fullmatch(path):
        value = xpath_number(text, path)
        return value != 0 and not math.isnan(value)
    return bool(_select(text, path))


def xpath_number(text: str, path: str) -> float:
    """Return the number that the path computes, or that the first node's text is; NaN where there is none."""
    call = _CALL.fullmatch(path)
    if call is None:
        return _number(xpath_string(text, path))
    nodes = _select(text, call[2])
    return float(len(nodes)) if call[1] == "count" else math.fsum(_number(_text(node)) for node in nodes)


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"\s*-?(\d+(\.\d*)?|\.\d+)\s*", text) else math.nan
