"""Beside the last layer: the one table of claims.

Takes the YAML files beside it; gives sections of claims, in the order of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from importlib.resources import files
from typing import Any

import yaml

from headrace.dataclass import dataclass

FILES = ("sources_and_sinks", "operators", "python", "sql", "functions", "rules", "running")
"""The files, in the order of the page."""

_STATUS = ("status",)


class Status(Enum):
    """What becomes of a feature of Spark's, or that it is none of Spark's."""

    WORKS = "works"
    DIFFERS = "differs"
    REFUSED = "refused"
    BEYOND = "beyond Spark"


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of the page.

    Attributes:
        feature: What is claimed of.
        statuses: One for each column of the section.
        how: How it differs, why it is refused, what there is to know.
        proof: Tests as path::name below tests/, or cases as paths below tests/.
    """

    feature: str
    statuses: tuple[Status, ...]
    how: str
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page: its title, what is said above it, and the columns that have a status each."""

    title: str
    note: str
    columns: tuple[str, ...]
    claims: tuple[Claim, ...]


def sections() -> tuple[Section, ...]:
    """Return all claims.

    Raises:
        ValueError: A row has a key or a status that is none.
    """
    found: list[Section] = []
    for name in FILES:
        text = (files(__package__) / f"{name}.yaml").read_text(encoding="utf-8")
        found += [_section(raw) for raw in yaml.safe_load(text)]
    return tuple(found)


def _section(raw: Mapping[str, Any]) -> Section:
    _check_keys(raw, {"section", "note", "columns", "claims"})
    columns = tuple(raw.get("columns", _STATUS))
    claims = tuple(_claim(row, columns) for row in raw["claims"])
    return Section(raw["section"], raw.get("note", "").strip(), columns, claims)


def _claim(raw: Mapping[str, Any], columns: tuple[str, ...]) -> Claim:
    _check_keys(raw, {"feature", "how", "proof", *columns})
    statuses = tuple(Status(raw[column]) for column in columns)
    return Claim(raw["feature"].strip(), statuses, raw.get("how", "").strip(), tuple(raw.get("proof", ())))


def _check_keys(raw: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(raw) - known)
    if unknown:
        message = f"{unknown[0]} is no key of a claim or section; there are: {', '.join(sorted(known))}"
        raise ValueError(message)
