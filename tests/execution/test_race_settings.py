"""What races of real trainings make of the engine's settings."""

from dataclasses import replace

import pytest

from tests.tiny_runs import tiny_randomized
from workbench import prune
from workbench.engines import RaceRules, engine_class
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.execution.stage_training import StageTraining
from workbench.files import read_json, write_json
from workbench.runs import Run, RunSpec
from workbench.runs.races import RaceOutcome
from workbench.runs.stage_folder import read_record
from workbench.schedules import Linear, steps_at_peak

NEW = {
    "early_score": "loss",
    "shared_order": True,
    "with_magnitude": True,
    "keep_winner": True,
    "distance": 0.05,
    "draws_by": "kept",
    "full_orders": 2,
    "start": "pretrained",
}


def evaluations(run: Run, stage: str):
    return [(e.step, e.metrics, e.loss) for e in read_record(run.folder.stage(stage).done).evaluations]


def test_settings_that_were_added_leave_the_names_of_old_specs_alone(spec_of):
    spec = RunSpec(task="synth/sst2", engine=engine_class("randomized")(sparsity=0.9))
    assert not set(NEW) & set(spec.changed["engine"])
    assert spec.name == "synth-sst2-randomized-90cff7433ea3"


def test_a_shared_order_makes_equal_masks_bit_equal(spec_of, tmp_path):
    engine = tiny_randomized(sampler="magnitude", levels=1, full_scores=True)
    apart = prune(spec_of(engine), tmp_path)
    together = prune(spec_of(replace(engine, shared_order=True)), tmp_path)
    for race in ("race", "full"):
        curves = [evaluations(together, f"level-1/{race}/candidate-{index}") for index in range(3)]
        assert curves[0] == curves[1] == curves[2]
        losses = {evaluations(apart, f"level-1/{race}/candidate-{index}")[-1][2] for index in range(3)}
        assert len(losses) > 1
    outcome = RaceOutcome.read(together.folder.stage("level-1/race").race)
    assert (outcome.best, outcome.tie, outcome.order) == (0, "order", "level-1/race")
    assert together.results["ties"] == {"level-1/race": "order"}


def test_every_candidate_has_a_metric_and_a_loss(spec_of, tmp_path):
    run = prune(spec_of(tiny_randomized(levels=1, early_score="loss")), tmp_path)
    pool = run.candidates(1)
    for candidate in pool:
        seen = evaluations(run, f"level-1/race/candidate-{candidate.index}")
        ranked = [loss for step, _, loss in seen if step not in candidate.interim][-2:]
        assert candidate.loss == pytest.approx(sum(ranked) / len(ranked))
        assert candidate.losses[-1] == (seen[-1][0], seen[-1][2])
    assert next(c for c in pool if c.chosen).loss == min(c.loss for c in pool)


def test_the_magnitude_mask_runs_after_the_others(spec_of, tmp_path):
    run = prune(spec_of(tiny_randomized(levels=1, with_magnitude=True)), tmp_path)
    pool = run.candidates(1)
    assert len(pool) == 4
    assert (pool[-1].from_magnitude, pool[-1].ratio) == (0, None)
    assert all(candidate.from_magnitude > 0 for candidate in pool[:-1])
    assert read_json(run.path / "plan.json")["steps"] == run.results["cost"]["total"]["optimizer_steps"]


def test_a_kept_winner_goes_on_from_its_weights_its_optimizer_and_its_order(spec_of, tmp_path, monkeypatch):
    seen = {}
    run_stage = StageTraining.run

    def watch(self, until=None):
        seen[str(self.folder.stage)] = (self.key, self.first, self.trainer.optimizer_steps)
        return run_stage(self, until)

    monkeypatch.setattr(StageTraining, "run", watch)
    run = prune(spec_of(tiny_randomized(levels=1, keep_winner=True)), tmp_path, keep_weights=True)
    best = RaceOutcome.read(run.folder.stage("level-1/race").race).best
    winner = f"level-1/race/candidate-{best}"
    early = read_record(run.folder.stage(winner).done)
    steps = early.cost.optimizer_steps
    assert seen["level-1"] == ((0, winner), steps, early.optimizer_steps)
    assert early.optimizer_steps == seen[winner][2] + steps
    kept = [i for i in range(3) if run.folder.stage(f"level-1/race/candidate-{i}").state.exists()]
    assert kept == [best]


def test_a_kept_winner_survives_an_interruption(spec_of, tmp_path, monkeypatch):
    spec = spec_of(tiny_randomized(levels=1, keep_winner=True))
    whole = prune(spec, tmp_path / "whole")
    advance = StageTraining._advance

    def interrupt(self):
        if self.folder.stage == "level-1":
            raise KeyboardInterrupt
        advance(self)

    monkeypatch.setattr(StageTraining, "_advance", interrupt)
    with pytest.raises(Exception, match="interrupted"):
        prune(spec, tmp_path / "again")
    monkeypatch.setattr(StageTraining, "_advance", advance)
    again = prune(spec, tmp_path / "again")
    assert evaluations(again, "level-1") == evaluations(whole, "level-1")


def test_candidates_are_trained_in_full_under_several_orders(spec_of, tmp_path):
    run = prune(spec_of(tiny_randomized(levels=1, full_scores=True, full_orders=2)), tmp_path)
    first, second = (run.candidates(1, race="full", order=order) for order in (0, 1))
    assert [c.mask for c in first] == [c.mask for c in second]
    assert [c.losses for c in first] != [c.losses for c in second]
    assert run.candidates(1, race="full", order=2) == ()
    full = run.results["cost"]["full"]["optimizer_steps"]
    assert full == 6 * run.results["levels"][-1]["cost"]["optimizer_steps"]


def test_costs_count_from_the_pretrained_encoder(spec_of, tmp_path):
    values = {"sparsity": 0.5, "epochs": 3.0}
    dense = prune(spec_of(Magnitude(**values)), tmp_path)
    pretrained = prune(spec_of(Magnitude(**values, start="pretrained")), tmp_path)
    shared = dense.results["dense"]["cost"]["optimizer_steps"]
    assert (dense.dense_steps, pretrained.dense_steps) == (shared, 0)
    for run in (dense, pretrained):
        cost = run.results["cost"]
        total = cost["dense"]["optimizer_steps"] + cost["total"]["optimizer_steps"]
        assert cost["from_pretrained"]["optimizer_steps"] == total
        old = dict(run.results, cost={"total": cost["total"]})
        write_json(run.folder.results, old)
    assert (dense.dense_steps, pretrained.dense_steps) == (shared, 0), "as in results of earlier versions"
    assert dense.mask() != pretrained.mask()


@pytest.mark.parametrize(
    ("engine", "changes"),
    [
        ("gmp", {}),
        ("acdc", {}),
        ("movement", {}),
        ("magnitude", {}),
        ("imp", {"levels": 2, "dense_epochs": 0}),
    ],
)
def test_the_recovery_is_what_the_schedule_gives_after_the_last_change_of_the_mask(
    spec_of, tmp_path, engine, changes
):
    values = {"sparsity": 0.8, "distillation": {"mode": "none"}, "total_steps": 20, **changes}
    run = prune(spec_of(engine_class(engine)(**values), scale=0.04), tmp_path)
    since = {"gmp": (16, 16), "acdc": (17, 17), "movement": (20, 16)}.get(engine, (0, 0))
    steps = 10 if engine == "imp" else 20
    expected = [round(steps_at_peak(Linear(0.1), steps, step), 3) for step in since]
    assert run.recovery == dict(zip(("mask", "sparsity"), expected, strict=True))


def test_steps_at_peak_are_the_sum_of_what_each_step_is_worth():
    assert steps_at_peak(Linear(0.0), 4) == pytest.approx(0.875 + 0.625 + 0.375 + 0.125)
    assert steps_at_peak(Linear(0.0), 4, 2) == pytest.approx(0.5)
    assert steps_at_peak(Linear(0.1), 600) == pytest.approx(300, abs=0.5)
    assert steps_at_peak(Linear(0.1), 600, 600) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distance": 0.2, "sampler": "band"}, "only for the samplers counts and draws, but sampler is band"),
        ({"distance": 0.3, "ladder": (0.75, 0.8)}, "from 0.75 to 0.8 can be at most 0.2 away"),
        ({"full_orders": 2}, "no candidate is trained in full"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, message):
    with pytest.raises(BadInput, match=message):
        tiny_randomized(**changes)


def test_rules_of_a_race_have_the_papers_values():
    assert RaceRules(average=10) == RaceRules(average=10, rounds=1, by="metric", shared_order=False)
