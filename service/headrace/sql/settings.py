"""Room 2: the session settings that change what SQL means; read by the analyzer and by every function's rendering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SqlSettings:
    """Spark SQL confs that change answers; defaults are Spark 4's."""

    ansi: bool = True
    time_zone: str = "UTC"

    @staticmethod
    def of(confs: Mapping[str, str]) -> SqlSettings:
        """Return the settings that ``spark.sql.*`` confs name, other confs left out."""
        ansi = str(confs.get("spark.sql.ansi.enabled", "true")).lower() == "true"
        return SqlSettings(ansi=ansi, time_zone=str(confs.get("spark.sql.session.timeZone", "UTC")))
