"""What oneDNN may keep of compiled products."""

import os

import pytest

from workbench import Magnitude
from workbench.execution.preparation import prepared
from workbench.training import limit_compiled_products

VARIABLE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    """Without the variable; after the test it is as it was before."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)


@pytest.mark.parametrize(("tokens", "limit"), [(1023, None), (1024, "128")])
def test_compiled_products_are_limited_where_steps_are_long(tokens, limit):
    limit_compiled_products(tokens)
    assert os.environ.get(VARIABLE) == limit


def test_the_user_may_say_how_many(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1024")
    limit_compiled_products(4096)
    assert os.environ[VARIABLE] == "1024"


@pytest.mark.parametrize(("batch_size", "limit"), [(4, None), (512, "128")])
def test_a_run_limits_them_by_the_tokens_of_its_batches(spec_of, batch_size, limit):
    prepared(spec_of(Magnitude(sparsity=0.8, batch_size=batch_size)))
    assert os.environ.get(VARIABLE) == limit
