"""The phases of `acdc`."""

from itertools import pairwise

import pytest

from tests.engines.test_engines import RecordingBench
from workbench.engines.acdc import ACDC, Alternation
from workbench.errors import BadInput
from workbench.masks import topk_mask
from workbench.schedules import Cosine, Linear


def test_the_published_phases_of_100_epochs():
    """Compressed at 10, 20, ..., 70 and 85; dense from 0, 15, ..., 65 and 75."""
    engine = ACDC(dense_epochs=10.0, phase_epochs=5.0, last_dense_epochs=10.0, final_epochs=15.0)
    starts = engine.phases(RecordingBench(), 100 * 100)
    assert starts == (0, *range(1000, 7501, 500), 8500)
    assert starts[1::2] == (1000, 2000, 3000, 4000, 5000, 6000, 7000, 8500)
    longer = engine.phases(RecordingBench(), 200 * 100)
    assert longer == (0, *range(1000, 17501, 500), 18500), "more phases of the same length"


def test_the_defaults_have_the_published_proportions():
    starts = ACDC().phases(RecordingBench(), 1000)
    assert starts == (0, *range(100, 751, 50), 850)


@pytest.mark.parametrize("epoch", [3, 7, 35, 71, 313])
def test_rounding_of_half_steps_does_not_accumulate(epoch):
    """RTE has 71 steps per epoch with batches of 32: phases of 35.5 steps, and still sixteen of them."""
    bench = RecordingBench(epoch=epoch)
    steps = bench.steps(10, 64)
    starts = ACDC().phases(bench, steps)
    assert len(starts) == 16
    lengths = [until - start for start, until in zip(starts, (*starts[1:], steps), strict=True)]
    exact = [epoch, *[epoch / 2] * 13, epoch, 1.5 * epoch]
    assert lengths == pytest.approx(exact, abs=1)


def test_every_phase_has_at_least_one_step():
    starts = ACDC(dense_epochs=0.015, phase_epochs=0.001, last_dense_epochs=0.001).phases(
        RecordingBench(), 200
    )
    assert all(start < until for start, until in pairwise(starts))
    assert 200 - starts[-1] in (150, 151)


def test_steps_that_do_not_fill_a_pair_of_phases_extend_the_last_one():
    for extra in range(100):
        assert ACDC().phases(RecordingBench(), 1000 + extra) == ACDC().phases(RecordingBench(), 1000)
    assert len(ACDC().phases(RecordingBench(), 1100)) == len(ACDC().phases(RecordingBench(), 1000)) + 2


def test_there_is_one_training_from_the_pretrained_weights_with_one_schedule():
    bench = RecordingBench()
    ACDC(decay="cosine").prune(bench)
    ((stage, parent, config, _),) = bench.trained
    assert (stage, parent.history, config.steps) == ("level-1", (), 1000)
    assert config.schedule == Cosine(warmup=0.1)
    ACDC().prune(bench)
    assert bench.trained[1][2].schedule == Linear(warmup=0.1)


def test_phases_longer_than_the_run_are_rejected_before_any_training():
    bench = RecordingBench()
    with pytest.raises(BadInput, match=r"has 399 steps.*Give at least 400, or lower dense_epochs"):
        ACDC(total_steps=399).prune(bench)
    assert bench.trained == []
    assert ACDC().phases(bench, 400) == (0, 100, 150, 250)
    with pytest.raises(BadInput, match="phase_epochs is 0"):
        ACDC(phase_epochs=0)


def test_a_restored_mask_has_its_matrices_in_the_order_of_the_model(trainer_of, batch):
    sparsifier = Alternation((0, 1), 0.5, "matrix", reset_moments=True)
    trainer = trainer_of(sparsifier)
    trainer.advance(batch(0))
    names, tensors = sparsifier.mask.names, sparsifier.tensors()
    sparsifier.restore(dict(sorted(tensors.items(), reverse=True)))
    assert sparsifier.mask.names == names
    assert sparsifier.mask.digest == topk_mask({n: t.float() for n, t in tensors.items()}, 0.5).digest
