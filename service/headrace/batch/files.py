"""Batch SQL: files named in FROM, such as ``parquet.`/data/users` ``, read through the table plugins.

Takes a query's tree; gives the tree with a plain table name in place of each such file, and the tables. DuckDB itself
never opens a file.
"""

from __future__ import annotations

from sqlglot import exp

from headrace.batch.infer import inferred
from headrace.config.plugin_options import built_options
from headrace.contract import PluginKind, Table, find_plugin
from headrace.errors import StreamError
from headrace.plan.catalog import Catalog

FORMATS = ("csv", "json", "orc", "parquet", "text")
"""What may stand before the dot; those without a plugin are refused by their name."""


def files_in(tree: exp.Expr, catalog: Catalog) -> tuple[exp.Expr, dict[str, Table]]:
    """Return the tree reading files as tables of the catalog, and those tables by name.

    Raises:
        StreamError: PLUGIN_UNKNOWN, PLUGIN_OPTION_INVALID or IO_FAILED, the file cannot be used.
    """
    found: dict[str, Table] = {}

    def named(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Table) or node.db.lower() not in FORMATS or catalog.entry(node.db) is not None:
            return node
        name = f"{node.db.lower()}.`{node.name}`"
        if name not in found:
            found[name] = _table(node.db.lower(), node.name)
            if catalog.entry(name) is None:
                catalog.add_table(name, found[name].schema)
        node.set("db", None)
        node.set("this", exp.to_identifier(name, quoted=True))
        if not node.args.get("alias"):
            node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))
        return node

    return tree.transform(named, copy=False), found


def _table(kind: str, path: str) -> Table:
    if not path:
        message = f"{kind}.`` names no file."
        raise StreamError("SQL_ANALYSIS", message, hint=f"Write {kind}.`path/to/file`.")
    find_plugin(kind, PluginKind.TABLE)
    plugin, options = built_options(PluginKind.TABLE, kind, {"path": path})
    table: Table = plugin.build(options, inferred(kind, path))
    return table
