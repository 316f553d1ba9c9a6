"""What oneDNN may keep of compiled products."""

import os

import pytest

from workbench import Magnitude
from workbench.execution.launch import prepared
from workbench.training import limit_compiled_products

VARIABLE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """Without the variable; it is as it was before after the test."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)


@pytest.mark.parametrize(("before", "after"), [(None, "128"), ("1024", "1024")])
def test_compiled_products_are_limited_unless_the_user_says_how_many(monkeypatch, before, after):
    if before is not None:
        monkeypatch.setenv(VARIABLE, before)
    limit_compiled_products()
    assert os.environ[VARIABLE] == after


def test_every_process_of_a_run_limits_them_before_it_loads_anything(spec_of, monkeypatch):
    limits = []
    monkeypatch.setattr(
        "workbench.execution.launch.load_task", lambda task: limits.append(os.environ.get(VARIABLE)) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        prepared(spec_of(Magnitude(sparsity=0.8)))
    assert limits == ["128"]
