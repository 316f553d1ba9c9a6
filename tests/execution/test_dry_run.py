"""What a run plans is what it does."""

import pytest

from tests.tiny_runs import tiny_randomized
from workbench import prune
from workbench.engines import engine_class
from workbench.errors import BadInput
from workbench.files import read_json
from workbench.runs import Follower

LOGITS = {"mode": "logits"}
ENGINES = [
    tiny_randomized(full_scores=True),
    tiny_randomized(halving=True, candidates=5, early_epochs=6.0),
    engine_class("imp")(levels=2, epochs=3.0, sparsity=0.8, distillation=LOGITS),
    engine_class("swamp")(particles=2, ladder=(0.5, 0.8), sparsity=0.8, distillation=LOGITS, hold_from=0.5),
    engine_class("gmp")(distillation=LOGITS),
    engine_class("imp")(levels=3, epochs=3.0, sparsity=0.8, rewind="all", rewind_epochs=1.0),
    engine_class("swamp")(
        particles=2, ladder=(0.5, 0.8), sparsity=0.8, dense_epochs=3.0, rewind_epochs=1.0, distillation=LOGITS
    ),
]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.id)
def test_a_run_takes_as_many_steps_as_it_planned(spec_of, tmp_path, engine):
    run = prune(spec_of(engine), store=tmp_path)
    plan, cost = read_json(run.path / "plan.json"), run.results["cost"]
    taken = cost["total"]["optimizer_steps"] + cost["full"]["optimizer_steps"]
    assert plan["steps"] == taken
    assert plan["dense"]["steps"] == run.results["dense"]["cost"]["optimizer_steps"]
    progress = Follower(run.path).progress()
    assert progress.done == progress.total == taken + plan["dense"]["steps"]


@pytest.mark.parametrize("engine", ["acdc", "swamp", "imp", "randomized"])
def test_a_run_without_room_for_its_parts_is_refused_before_there_is_a_folder(spec_of, tmp_path, engine):
    too_short = engine_class(engine)(total_steps=2, sparsity=0.8)
    with pytest.raises(BadInput, match=r"Give at least \d+"):
        prune(spec_of(too_short), store=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_run_has_no_progress(tmp_path):
    progress = Follower(tmp_path / "nothing").progress()
    assert (progress.done, progress.total, progress.stage) == (0, None, "")
