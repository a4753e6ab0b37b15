"""Room 1: the options of each plugin a file names, checked against the plugin's own SPEC.

Takes the tree of a file, resolves secrets and relative paths in place, gives findings located at their keys. Later
rooms call `built_options` at the moment they build a plugin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from os.path import normpath
from pathlib import Path
from typing import Any

from headrace.config.findings import dotted
from headrace.config.secrets import REFERENCE, Secret, is_secret_option, mask, resolve_secret, reveal
from headrace.config.yaml_tree import KeyPath, YamlTree
from headrace.contract import Options, Plugin, PluginKind, Spec, find_plugin
from headrace.dataclass import dataclass
from headrace.errors import StreamError, StreamErrors
from headrace.options import parse_options
from headrace.values import local_path


@dataclass(frozen=True, slots=True)
class SecretRules:
    """Where references lead, and whether plain texts are let through."""

    environment: Mapping[str, str]
    folder: Path
    allow_plain: bool = False


def built_options(kind: PluginKind, name: str, options: Mapping[str, Any]) -> tuple[Plugin, Options]:
    """Return the plugin of a format and its parsed options, secrets in plain text; for the moment of building it.

    Raises:
        StreamError: PLUGIN_UNKNOWN.
        StreamErrors: every option that is not allowed.
    """
    plugin = find_plugin(name, kind)
    return plugin, parse_options(plugin.spec, reveal(options))


def resolve_options(tree: YamlTree, rules: SecretRules) -> list[StreamError]:
    """Return what is wrong with plugins and their options; secrets and paths in the tree are resolved in place."""
    found: dict[tuple[PluginKind, str], Plugin | StreamError] = {}
    errors: list[StreamError] = []
    checked: set[KeyPath] = set()
    for path, kind, name, owner in _sites(tree.root):
        if (kind, name) not in found:
            found[kind, name] = _look_up(kind, name)
        plugin = found[kind, name]
        if isinstance(plugin, StreamError):
            at = tree.value_at((*path, "format"))
            errors.append(StreamError(plugin.code, f"{plugin.message}.", at=at, hint=plugin.hint))
            checked.add((*path, "options"))
            continue
        if isinstance(owner.get("options", {}), dict):
            errors += _Site(tree, (*path, "options"), plugin.spec, rules).resolve(owner)
            checked.add((*path, "options"))
    return [*errors, *_shared_sinks(tree, found), *_stray_references(tree, checked)]


def _shared_sinks(tree: YamlTree, plugins: Mapping[tuple[PluginKind, str], Plugin | StreamError]) -> list[StreamError]:
    """Return an error for each sink that names what another sink of the file has for itself, such as its folder."""
    errors, taken = [], dict[tuple[str, str], KeyPath]()
    for path, kind, name, owner in _sites(tree.root):
        plugin, options = plugins.get((kind, name)), owner.get("options")
        if not isinstance(plugin, Plugin) or plugin.spec.exclusive is None or not isinstance(options, dict):
            continue
        for key in [key for key in options if key.lower() == plugin.spec.exclusive]:
            place = (*path, "options", key)
            first = taken.setdefault((plugin.spec.exclusive, normpath(str(options[key]))), place)
            if first != place:
                message = f"{dotted(place)} is that of {dotted(first[:-2])}, and holds the output of one query."
                errors.append(StreamError("CONFIG_INVALID_VALUE", message, at=tree.value_at(place)))
    return errors


def _look_up(kind: PluginKind, name: str) -> Plugin | StreamError:
    try:
        return find_plugin(name, kind)
    except StreamError as error:
        return error


class _Site:
    """One ``options`` mapping and the SPEC it must fit."""

    def __init__(self, tree: YamlTree, path: KeyPath, spec: Spec, rules: SecretRules) -> None:
        self._tree = tree
        self._path = path
        self._spec = spec
        self._rules = rules
        self._errors: list[StreamError] = []

    def resolve(self, owner: dict[str, Any]) -> list[StreamError]:
        """Replace the mapping by its resolved twin and return what is wrong with it."""
        written: dict[str, Any] = owner.get("options", {})
        resolved = {key: self._resolved(key, value) for key, value in written.items()}
        self._check_each(resolved)
        if "dead_letter" not in self._path[2:]:  # there the source's connection is the default
            self._check_required(resolved)
        owner["options"] = {key: self._placed(key, value) for key, value in resolved.items()}
        return self._errors

    def _resolved(self, key: str, value: Any) -> Any:
        text = value if isinstance(value, str) else ""
        referred = REFERENCE.search(text) is not None
        if not is_secret_option(self._spec, key):
            if referred:
                self._fail(key, "CONFIG_INVALID_VALUE", _only_for_secrets((*self._path, key)))
            return value
        if not referred and not self._rules.allow_plain:
            message = f"{dotted((*self._path, key))} is a secret in plain text."
            hint = "Write ${env:NAME} or ${file:PATH}, or allow it with --allow-plain-secrets."
            self._fail(key, "CONFIG_PLAIN_SECRET", message, hint)
            return Secret(str(value))
        try:
            return resolve_secret(str(value), self._rules.environment, self._rules.folder)
        except StreamError as error:
            self._fail(key, error.code, f"{dotted((*self._path, key))}: {error.message}", error.hint)
            return Secret("")

    def _check_each(self, resolved: dict[str, Any]) -> None:
        spec = replace(self._spec, options=tuple(replace(option, required=False) for option in self._spec.options))
        for key, value in resolved.items():
            if isinstance(value, Secret) and not value.reveal():
                continue
            try:
                parse_options(spec, {key: reveal(value)})
            except StreamErrors as errors:
                for error in errors.errors:
                    message = mask(error.message, [value.reveal()]) if isinstance(value, Secret) else error.message
                    self._fail(key, error.code, message, None if isinstance(value, Secret) else error.hint)

    def _check_required(self, resolved: dict[str, Any]) -> None:
        given = {key.lower() for key in resolved}
        absent = tuple(o for o in self._spec.options if o.required and o.name.lower() not in given)
        try:
            parse_options(replace(self._spec, options=absent), {})
        except StreamErrors as errors:
            at = self._tree.key_at(self._path if self._path in self._tree.keys else self._path[:-1])
            self._errors += [error.located(at) for error in errors.errors]

    def _placed(self, key: str, value: Any) -> Any:
        """Return a relative path as one that starts at the pipeline file's folder."""
        is_path = key.lower() == "path" and any(option.name.lower() == "path" for option in self._spec.options)
        if not is_path or not isinstance(value, str):
            return value
        try:
            return str((self._rules.folder / local_path(value)).absolute())
        except ValueError:
            return value  # the plugin knows what it can reach

    def _fail(self, key: str, code: str, message: str, hint: str | None = None) -> None:
        path = (*self._path, key)
        at = self._tree.value_at(path) if code.startswith("CONFIG_") else self._tree.key_at(path)
        self._errors.append(StreamError(code, message, at=at, hint=hint))


def _only_for_secrets(path: KeyPath) -> str:
    return f"{dotted(path)} is no secret; ${{env:...}} and ${{file:...}} are read in options marked secret only."


_Found = tuple[KeyPath, PluginKind, str, dict[str, Any]]
"""Where a plugin is named, what it builds, its format name, and the mapping that holds its options."""


def _sites(root: dict[str, Any]) -> Iterator[_Found]:
    """Yield every mapping of the file that holds the options of a plugin."""
    for name, source in _items(root, "sources"):
        decode = source.get("decode")
        yield from _site(("sources", name), PluginKind.SOURCE, source)
        yield from _site(("sources", name, "decode"), PluginKind.FORMAT, decode)
        for path, owner in ((("sources", name), source), (("sources", name, "decode"), decode)):
            letters = owner.get("dead_letter") if isinstance(owner, dict) else None
            if isinstance(letters, dict):
                yield (*path, "dead_letter"), PluginKind.SINK, "kafka", letters
    for name, table in _items(root, "tables"):
        yield from _site(("tables", name), PluginKind.TABLE, table)
    for name, query in _items(root, "queries"):
        sink = query.get("sink")
        yield from _site(("queries", name, "sink"), PluginKind.SINK, sink)
        if isinstance(sink, dict):
            yield from _site(("queries", name, "sink", "encode"), PluginKind.FORMAT, sink.get("encode"))


def _items(root: dict[str, Any], group: str) -> Iterator[tuple[str, dict[str, Any]]]:
    found = root.get(group)
    for name, item in found.items() if isinstance(found, dict) else ():
        if isinstance(item, dict):
            yield name, item


def _site(path: KeyPath, kind: PluginKind, owner: Any) -> Iterator[_Found]:
    if isinstance(owner, str):
        yield path, kind, owner, {}
    elif isinstance(owner, dict) and isinstance(owner.get("format"), str):
        yield path, kind, owner["format"], owner


def _stray_references(tree: YamlTree, checked: set[KeyPath]) -> list[StreamError]:
    errors = []
    for path, text in _texts(tree.root, ()):
        if REFERENCE.search(text) and not any(path[: len(known)] == known for known in checked):
            errors.append(StreamError("CONFIG_INVALID_VALUE", _only_for_secrets(path), at=tree.value_at(path)))
    return errors


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, (*path, key))
