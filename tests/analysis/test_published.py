from workbench.analysis.published import published_for
from workbench.tasks import load_task, task_ids


def test_every_figure_belongs_to_a_task_and_its_metrics():
    figures = {task: published_for(task) for task in task_ids()}
    with_figures = {task for task, table in figures.items() if not table.empty}
    assert with_figures == {f"glue/{name}" for name in ("cola", "sst2", "mrpc", "qqp", "mnli", "qnli", "rte")}
    for task in with_figures:
        metrics = load_task(task.replace("glue", "synth")).metrics
        assert set(figures[task]["metric"]) <= set(metrics)


def test_figures_are_shares_with_a_source():
    table = published_for("glue/mnli")
    assert table["value"].between(0.5, 1).all()
    assert table["kept_share"].between(0, 1, inclusive="right").all()
    assert table["source"].str.contains("20[0-9][0-9]").all()
