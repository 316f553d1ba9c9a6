"""A real pretrained encoder on real GLUE, from the command line, with a few steps of everything."""

from workbench.cli import main
from workbench.runs import runs_in


def test_randomized_masks_work_on_real_glue(small_encoder, glue_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(glue_dir))
    settings = ["levels=2", "candidates=2", "early_evaluations=1", "eval_every=1000", "dense.epochs=0.01"]
    command = ["prune", "glue/stsb", "--engine", "randomized", "--sparsity", "0.9", "--scale", "0.001"]
    command += ["--model", str(small_encoder), "--store", str(tmp_path)]
    assert main(command + [word for setting in settings for word in ("--set", setting)]) == 0
    (run,) = runs_in(tmp_path)
    assert run.results["metrics"] == ["pearson", "spearman"]
    assert run.mask().kept == sum(numel - round(0.9 * numel) for numel in [147_456] * 12 + [589_824] * 6)
    assert abs(run.results["sparsity"] - 0.9) < 1e-6
    assert [candidate.from_magnitude > 0 for candidate in run.candidates(level=2)] == [True, True]
