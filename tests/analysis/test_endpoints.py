"""Endpoints of lines: which there are, which are the default, and the line between them."""

import pytest
import torch

from tests.fabricated import fabricate
from workbench.analysis.connectivity import Endpoint, connect, default_endpoints, endpoints
from workbench.analysis.loss import LossEvaluator
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.swamp import Swamp
from workbench.errors import BadInput
from workbench.execution import prune
from workbench.training import Distillation


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("endpoints")


@pytest.fixture
def swamp(spec_of, store):
    """A run that kept the weights of its levels and particles."""
    engine = Swamp(
        sparsity=0.5,
        prune_share=None,
        levels=2,
        particles=2,
        lr=1e-3,
        epochs=3.0,
        distillation=Distillation(mode="none"),
    )
    return prune(spec_of(engine), store, keep_weights=True)


def test_final_models_and_kept_stages_are_endpoints(swamp, finished_run):
    found = endpoints([swamp, finished_run])
    of_swamp = [name.removeprefix(swamp.name) for name in found if name.startswith(swamp.name)]
    assert of_swamp[0] == ""
    assert {"/level-1", "/level-2", "/level-2/particle-0", "/level-2/particle-1"} <= set(of_swamp)
    assert found[finished_run.name].stage == ""
    assert list(found)[-1] == finished_run.name


def test_particles_are_preferred_to_levels_and_levels_to_runs(swamp, finished_run, tmp_path):
    found = list(endpoints([swamp, finished_run]).values())
    assert [end.stage for end in default_endpoints(found)] == [
        "level-2/particle-0",
        "level-2/particle-1",
    ]
    levels = [end for end in found if "particle" not in end.stage]
    assert [end.stage for end in default_endpoints(levels)] == ["level-1", "level-2"]
    finals = [end for end in found if not end.stage]
    assert [end.run for end in default_endpoints(finals)] == [swamp, finished_run]
    other = fabricate(tmp_path, finished_run, Magnitude(sparsity=0.8), task="synth/rte")
    assert default_endpoints(list(endpoints([finished_run, other]).values())) is None
    assert default_endpoints([]) is None


def test_a_connection_is_between_the_weights_that_its_endpoints_name(swamp):
    found = endpoints([swamp])
    level, final = found[f"{swamp.name}/level-2"], found[swamp.name]
    same = connect(level, final)
    assert same.table.groupby("split")["loss"].std().tolist() == pytest.approx([0, 0], abs=1e-6)
    assert same.traces == ()
    ends = [found[f"{swamp.name}/level-2/particle-{place}"] for place in (0, 1)]
    assert any(not torch.equal(*pair) for pair in zip(*(e.weights().values() for e in ends), strict=True))
    connection = connect(*ends, probes=1)
    assert connection.table["alpha"].nunique() == 11
    assert [trace.weights for trace in connection.traces] == [swamp.mask().kept] * 2


def test_fewer_dev_examples_are_the_same_for_all_runs_of_a_task(swamp, finished_run):
    one, other = LossEvaluator(swamp, 50), LossEvaluator(finished_run, 50)
    assert len(one.dev) == 50
    assert [ids.tolist() for ids in one.dev.input_ids] == [ids.tolist() for ids in other.dev.input_ids]
    assert len(LossEvaluator(swamp, 10**6).dev) == len(LossEvaluator(swamp).dev) == 500


def test_endpoints_of_different_tasks_are_refused(swamp, finished_run, tmp_path):
    other = fabricate(tmp_path, finished_run, IMP(sparsity=0.8), task="synth/rte")
    with pytest.raises(BadInput, match=r"trained on synth/sst2 and .* on synth/rte"):
        connect(Endpoint(swamp), Endpoint(other))
