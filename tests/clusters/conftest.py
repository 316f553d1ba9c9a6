"""The Ray cluster that the tests of this folder share."""

import pytest

from workbench.sweeps import executor


@pytest.fixture(scope="session")
def cluster():
    """Ray on this machine, with two cores for runs or for the workers of one."""
    import ray

    yield executor("ray", 2)
    ray.shutdown()
