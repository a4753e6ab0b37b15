"""Fixtures of the deployment tests."""

from __future__ import annotations

import pytest
from tests.deploy.helm import Helm, build_helm, why_no_helm


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The real helm; the first run on a machine builds it, which takes minutes."""
    reason = why_no_helm()
    if reason:
        pytest.skip(reason)
    return Helm(build_helm())
