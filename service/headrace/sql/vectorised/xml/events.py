"""Room 2: an XML text as the events that Spark's reader sees, and what is wrong with it.

Takes a text and options; gives starts, ends and pieces of text in order. A text that is no XML has the events up to
where it breaks, and fails there, as a reader that pulls them does. Source: Spark StaxXmlParserUtils.
"""

from __future__ import annotations

import xml.parsers.expat as expat
from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import Enum
from types import MappingProxyType

from headrace.dataclass import dataclass

FAIL_FAST = "FAILFAST"
"""The mode in which a record that is not whole fails the statement."""


class BadValueError(ValueError):
    """A value that is none of its type, or elements where a plain value is wanted."""


class MalformedError(ValueError):
    """The text is no XML from here on."""


class What(Enum):
    """The kinds of events."""

    START = "start"
    END = "end"
    TEXT = "text"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Event:
    """`name` of an element, or the data of a text."""

    what: What
    name: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def is_blank(self) -> bool:
        """True for text of white space."""
        return self.what is What.TEXT and not self.name.strip(" \t\r\n")


@dataclass(frozen=True, slots=True)
class XmlOptions:
    """The options that say what an XML text means, by Spark's names and defaults."""

    attribute_prefix: str = "_"
    value_tag: str = "_VALUE"
    null_value: str | None = None
    wildcard: str = "xs_any"
    corrupt_record: str = "_corrupt_record"
    mode: str = "PERMISSIVE"
    zone: str = "UTC"
    exclude_attributes: bool = False
    trim: bool = True
    ignore_namespace: bool = False
    infer: bool = True
    patterns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def named(self, name: str) -> str:
        """Return an element's or attribute's name, without its prefix where that is asked for."""
        return name.rsplit(":", 1)[-1] if self.ignore_namespace else name

    def attributes(self, event: Sequence[tuple[str, str]]) -> dict[str, str | None]:
        """Return attributes under their names as fields; None for what stands for null."""
        if self.exclude_attributes:
            return {}
        found = {}
        for name, text in event:
            value = text.strip() if self.trim else text
            found[self.attribute_prefix + self.named(name)] = None if value == self.null_value else value
        return found


class Events:
    """The events of one text, one after the other.

    Args:
        text: The XML.
    """

    def __init__(self, text: str) -> None:
        self._events, self._broken = _events(text)
        self._place = 0

    def peek(self) -> Event:
        """Return the next event.

        Raises:
            MalformedError: the text breaks here.
        """
        if self._place < len(self._events):
            return self._events[self._place]
        if self._broken:
            message = "The text is no XML."
            raise MalformedError(message)
        return Event(What.DONE)

    def next(self) -> Event:
        """Return the next event and go on behind it."""
        event = self.peek()
        self._place += 1
        return event

    def root(self) -> Event:
        """Return the start of the outermost element and go on behind it."""
        while (event := self.next()).what is not What.START:
            if event.what is What.DONE:
                message = "The text holds no element."
                raise MalformedError(message)
        return event

    def skip_end(self, name: str, options: XmlOptions) -> None:
        """Go behind the end of the element, over white space only.

        Raises:
            BadValueError: something else stands before it.
        """
        while (event := self.next()).is_blank:
            pass
        if event.what is not What.END or options.named(event.name) != name:
            message = f"The element {name} does not end here."
            raise BadValueError(message)

    def skip_element(self) -> None:
        """Go behind the end of the element whose start was read."""
        depth = 1
        while depth:
            event = self.next()
            depth += (event.what is What.START) - (event.what is What.END)
            if event.what is What.DONE:
                return

    def inner_text(self, name: str, options: XmlOptions) -> str:
        """Return all up to the end of the element as text, elements in it with their tags, and go behind that end."""
        parts, depth = [], 0
        while depth or self.peek().what is not What.END:
            event = self.next()
            if event.what is What.START:
                named = "".join(f' {key}="{value}"' for key, value in event.attributes)
                parts.append(f"<{event.name}{named}>")
                depth += 1
            elif event.what is What.END:
                parts.append(f"</{event.name}>")
                depth -= 1
            elif event.what is What.TEXT:
                parts.append(event.name)
            else:
                break
        self.skip_end(name, options)
        return "".join(parts)


def _events(text: str) -> tuple[list[Event], bool]:
    found: list[Event] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.ordered_attributes = True

    def start(name: str, attributes: list[str]) -> None:
        found.append(Event(What.START, name, tuple(zip(attributes[::2], attributes[1::2], strict=True))))

    def refuse(*_: object) -> None:
        message = "The text defines an entity."
        raise MalformedError(message)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: found.append(Event(What.END, name))
    parser.CharacterDataHandler = lambda data: found.append(Event(What.TEXT, data))
    parser.EntityDeclHandler = refuse
    # What stands between pieces of text parts them, and is no event.
    parser.CommentHandler = lambda _: None
    parser.ProcessingInstructionHandler = lambda *_: None
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, MalformedError):
        return found, True
    return found, False
