"""Whole runs of `acdc`: what happens when phases change."""

import pytest
import torch
from safetensors.torch import load_file

from tests.execution.resuming import stops_until_done
from workbench import prune
from workbench.engines.acdc import ACDC
from workbench.errors import BadInput
from workbench.files import read_json
from workbench.masks import topk_mask
from workbench.scores import magnitude
from workbench.training import Distillation, MaskedTrainer

# At the tests' scale of 0.02 and 43 batches an epoch, 0.86 steps each.
STARTS = (0, 2, 5, 8, 11, 14)
TINY = {
    "sparsity": 0.8,
    "total_steps": 22,
    "dense_epochs": 2.0,
    "phase_epochs": 3.5,
    "last_dense_epochs": 3.5,
    "final_epochs": 5.0,
    "lr": 1e-2,
    "eval_every": 2,
    "distillation": Distillation(mode="none"),
}
OPTIMIZERS = [{"optimizer": "adamw"}, {"optimizer": "sgd", "lr": 0.5, "weight_decay": 1e-3}]


def compressed(step: int) -> bool:
    """Whether the weights after so many steps are those of a compressed phase."""
    return sum(start <= step for start in STARTS) % 2 == 0


@pytest.fixture
def steps(monkeypatch):
    """Gathers what there is after each step of dense layers: mask, weights, and moments of one matrix."""
    advance, seen = MaskedTrainer.advance, {}

    def watched(trainer, batch):
        value = advance(trainer, batch)
        if trainer.config.steps == 22:
            weights = {name: weight.detach().clone() for name, weight in trainer.sparsifier.weights.items()}
            moments = trainer.optimizer.state.get(next(iter(trainer.sparsifier.weights.values())), {})
            seen[trainer.step] = (
                trainer.sparsifier.mask,
                weights,
                {k: v.clone() for k, v in moments.items()},
            )
        return value

    monkeypatch.setattr(MaskedTrainer, "advance", watched)
    return seen


@pytest.mark.parametrize("changes", OPTIMIZERS, ids=["adamw", "sgd"])
def test_masks_last_a_phase_and_weights_come_back_as_zeros(spec_of, tmp_path, steps, changes):
    prune(spec_of(ACDC(**TINY | changes)), store=tmp_path, compute="dense")
    assert sorted(steps) == list(range(1, 23))
    first = None
    for step, (mask, weights, moments) in steps.items():
        if not compressed(step):
            assert mask is None
            if step in STARTS:
                old, _, _ = steps[step - 1]
                assert all(torch.count_nonzero(weights[name][~old[name]]) == 0 for name in old.names)
                assert moments == {}, "the optimizer starts afresh"
            elif step - 1 in STARTS[2:]:
                old, _, _ = steps[step - 2]
                name = old.names[0]
                assert torch.count_nonzero(weights[name][~old[name]]) > 0, "they are trained again"
                assert moments.get("step", 1) == 1
            continue
        if step in STARTS:
            first = mask
            assert mask.kept == mask.numel - round(0.8 * mask.numel)
        assert mask == first, f"the mask changed within a phase, at step {step}"
        assert all(torch.equal(weights[name] != 0, mask[name]) for name in mask.names)


def test_the_moments_of_weights_that_come_back_start_from_zero(spec_of, tmp_path, steps):
    prune(spec_of(ACDC(**TINY)), store=tmp_path / "reset", compute="dense")
    reset = dict(steps)
    steps.clear()
    prune(spec_of(ACDC(**TINY, reset_moments=False)), store=tmp_path / "kept", compute="dense")
    for step in range(1, 5):
        assert all(torch.equal(reset[step][1][name], steps[step][1][name]) for name in steps[step][1])
    assert reset[5][2] == {}
    assert steps[5][2]["exp_avg"].abs().min() > 0, "the gradients of pruned weights went into it"
    assert float(steps[6][2]["step"]) == 6
    beta = 0.999
    # One step from zero: the second moment is (1 - beta) g^2 and the first 0.1 g, hence its square over that.
    once = reset[6][2]
    torch.testing.assert_close(once["exp_avg_sq"], (1 - beta) * (once["exp_avg"] / 0.1) ** 2)


def test_a_mask_is_the_largest_weights_at_the_start_of_its_phase(spec_of, tmp_path, monkeypatch, steps):
    from workbench.engines import acdc

    rankings = []

    def noted(scores, sparsity, scope, pattern):
        rankings.append(({name: score.clone() for name, score in scores.items()}, scope))
        return topk_mask(scores, sparsity, scope, pattern)

    monkeypatch.setattr(acdc, "topk_mask", noted)
    run = prune(spec_of(ACDC(**TINY)), store=tmp_path, compute="dense")
    assert len(rankings) == 3
    assert len({steps[start][0] for start in STARTS[1::2]}) > 1, "each phase has a mask of its own"
    scores, scope = rankings[-1]
    assert scope == "global"
    assert run.mask() == topk_mask(magnitude(scores), 0.8, "global") == steps[22][0]


def test_only_the_last_compressed_phase_counts(spec_of, tmp_path):
    run = prune(spec_of(ACDC(**TINY)), store=tmp_path)
    record = read_json(run.path / "stages" / "level-1" / "done.json")
    assert [e["step"] for e in record["evaluations"] if e["settled"]] == [14, 16, 18, 20, 22]
    assert run.results["levels"][0]["best_step"] >= 14
    weights = load_file(run.path / "model" / "model.safetensors")
    mask = run.mask()
    assert sum(int(torch.count_nonzero(weights[name])) for name in mask.names) == mask.kept
    assert run.results["sparsity"] == 1 - mask.kept / mask.numel


@pytest.mark.parametrize("changes", OPTIMIZERS, ids=["adamw", "sgd"])
def test_a_run_that_is_interrupted_in_any_phase_ends_the_same(spec_of, tmp_path, monkeypatch, changes):
    engine = ACDC(**TINY | changes)
    stops = stops_until_done(spec_of(engine), tmp_path, monkeypatch, every=4)
    assert stops >= 6, "in every phase"


def test_phases_longer_than_the_run_start_nothing(spec_of, tmp_path, monkeypatch):
    monkeypatch.setattr(MaskedTrainer, "advance", lambda *_: pytest.fail("it trained"))
    with pytest.raises(BadInput, match="acdc: the run has 11 steps"):
        prune(spec_of(ACDC(**TINY | {"total_steps": 11})), store=tmp_path)
