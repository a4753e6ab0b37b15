"""Room 1's door: a pipeline file and the environment to a `Pipeline`, or every error of the file at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from headrace.config.findings import findings_of, shown
from headrace.config.overrides import SET, apply_overrides
from headrace.config.pipeline import Pipeline
from headrace.config.plugin_options import SecretRules, resolve_options
from headrace.config.relations import check_inputs, check_names, check_schemas
from headrace.config.user_code import check_code, check_types
from headrace.config.yaml_tree import YamlTree, read_tree
from headrace.errors import StreamError, StreamErrors


def load(
    path: Path,
    *,
    overrides: Sequence[str] = (),
    environment: Mapping[str, str],
    allow_plain_secrets: bool = False,
) -> Pipeline:
    """Return the pipeline a file describes, with defaults filled in and secrets wrapped.

    Args:
        path: YAML file; relative paths inside it start at its folder.
        overrides: Texts such as ``queries.counts.output_mode=update``, laid over the file in order.
        environment: What ``${env:NAME}`` is looked up in.
        allow_plain_secrets: Let secrets stand in the file itself.

    Raises:
        StreamErrors: everything that is wrong with the file, in file order.
    """
    tree = read_tree(path)
    return pipeline_of(
        tree, path, overrides=overrides, rules=SecretRules(environment, path.parent, allow_plain_secrets)
    )


def pipeline_of(tree: YamlTree, path: Path, *, overrides: Sequence[str] = (), rules: SecretRules) -> Pipeline:
    """Return the pipeline that a read file describes; the tree is changed.

    Raises:
        StreamErrors: everything that is wrong with it, in file order.
    """
    if not isinstance(tree.root, dict):
        message = f"a pipeline file is a mapping; this one holds {shown(tree.root)}."
        raise StreamErrors([*tree.errors, StreamError("CONFIG_INVALID_VALUE", message, at=tree.value_at(()))])
    apply_overrides(tree, overrides)
    # Keys beginning with x- hold anchors, as in Compose files.
    tree.root = {key: value for key, value in tree.root.items() if not key.startswith("x-")}
    errors = [*tree.errors, *check_names(tree), *check_inputs(tree), *check_schemas(tree)]
    errors += [*check_types(tree), *check_code(tree, path.parent)]
    errors += resolve_options(tree, rules)
    try:
        pipeline = Pipeline.model_validate(tree.root)
    except ValidationError as error:
        raise StreamErrors(_in_order([*errors, *findings_of(error, Pipeline, tree)])) from error
    if errors:
        raise StreamErrors(_in_order(errors))
    return pipeline.placed(path, tree)


def _in_order(errors: list[StreamError]) -> list[StreamError]:
    def place(error: StreamError) -> tuple[bool, str, int, int]:
        at = error.at
        return (at is None or at.file == SET, at.file if at else "", at.line if at else 0, at.column if at else 0)

    return sorted(errors, key=place)
