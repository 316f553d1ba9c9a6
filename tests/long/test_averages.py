"""Swamp's averages and barriers, where they were published: convolutions, BatchNorm, SGD; on real digits."""

from tests.execution.test_sparse_vision import SGD, digits
from workbench.analysis.connectivity import barriers, loss_line
from workbench.analysis.levels import particle_table
from workbench.analysis.loss import LossEvaluator
from workbench.engines.swamp import Swamp
from workbench.execution import prune
from workbench.runs import stage_weights


def test_averaging_does_no_harm_and_successive_solutions_are_connected(tmp_path):
    engine = Swamp(
        **SGD,
        sparsity=0.95,
        ladder=(0.8, 0.9, 0.95),
        particles=2,
        epochs=1.5,
        rewind_epochs=0.5,
        dense_epochs=2.0,
    )
    run = prune(digits(engine), store=tmp_path, keep_weights=True)
    table = particle_table(run)
    gain = (table["average"] - table["value"]).mean()
    assert gain > -0.01, "the average against the mean particle"
    path = loss_line(
        LossEvaluator(run), stage_weights(run.folder, "level-2"), stage_weights(run.folder, "level-3")
    )
    assert barriers(path)["stable"].all()
    assert run.results["validation"]["accuracy"] > 0.8
