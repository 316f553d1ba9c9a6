"""Grid files: what they ask for, and what is wrong with them."""

import pytest
import yaml

from workbench.errors import BadInput
from workbench.sweeps import grid, read_grid

GRID = {
    "base": {"scale": 0.1, "dense": {"epochs": 2}, "engine": {"lr": 1e-3, "batch_size": 32}},
    "axes": {"task": ["cola", "synth/rte"], "sparsity": [0.8, 0.9], "seed": 0},
    "engines": {
        "magnitude": {"total_steps": 100},
        "wide": {"id": "imp", "scope": "global", "match_steps_of": "magnitude"},
    },
}


@pytest.fixture
def read(tmp_path):
    """Writes a grid with some parts replaced and reads it."""

    def call(at_most=1000, **parts):
        path = tmp_path / "grid.yaml"
        path.write_text(yaml.safe_dump(GRID | parts, sort_keys=False))
        return read_grid(path, at_most=at_most)

    return call


def places(cells):
    return [(c.label, c.spec.task, c.spec.engine.sparsity, c.spec.seed) for c in cells]


def test_a_grid_is_every_combination_of_its_axes_in_order(read):
    cells = read()
    assert places(cells) == [
        (label, task, sparsity, 0)
        for task in ("glue/cola", "synth/rte")
        for label in ("magnitude", "wide")
        for sparsity in (0.8, 0.9)
    ]
    spec = cells[2].spec
    assert (spec.engine.id, spec.engine.scope, spec.engine.lr) == ("imp", "global", 1e-3)
    assert (spec.scale, spec.dense.epochs) == (0.1, 2)


def test_steps_are_matched_with_the_run_at_the_same_place(read):
    cells = read()
    assert [cell.steps_of for cell in cells[:2]] == [None, None]
    assert [cell.steps_of for cell in cells[2:4]] == list(cells[:2])
    assert cells[2].spec.engine.total_steps is None
    assert cells[2].resolved(77).engine.total_steps == 77


def test_an_override_changes_values_where_it_fits_and_the_last_one_wins(read):
    cells = read(
        overrides=[
            {"where": {"task": "cola"}, "base": {"scale": 0.5, "engine": {"lr": 0.1}}},
            {"where": {"task": "cola", "engine": ["wide"]}, "base": {"engine": {"lr": 0.2, "levels": 2}}},
        ]
    )
    found = {(c.spec.task, c.label): (c.spec.scale, c.spec.engine.lr) for c in cells}
    assert found == {
        ("glue/cola", "magnitude"): (0.5, 0.1),
        ("glue/cola", "wide"): (0.5, 0.2),
        ("synth/rte", "magnitude"): (0.1, 1e-3),
        ("synth/rte", "wide"): (0.1, 1e-3),
    }
    assert cells[2].spec.engine.batch_size == 32, "mappings are merged, not replaced"


def test_an_axis_may_depend_on_earlier_ones(read):
    cells = read(
        overrides=[
            {"where": {"task": "cola"}, "axes": {"sparsity": [0.5], "engine": "magnitude"}},
            {"where": {"sparsity": 0.9}, "axes": {"seed": [0, 1, 2]}},
        ]
    )
    assert places(cells) == [
        ("magnitude", "glue/cola", 0.5, 0),
        *(
            (label, "synth/rte", s, n)
            for label in ("magnitude", "wide")
            for s, n in ((0.8, 0), (0.9, 0), (0.9, 1), (0.9, 2))
        ),
    ]


def test_equal_runs_are_there_once(read):
    cells = read(
        axes=GRID["axes"] | {"sparsity": [0.8, 0.80], "task": ["cola", "glue/cola"]},
        engines=GRID["engines"] | {"again": {"id": "magnitude", "total_steps": 100, "scope": "matrix"}},
    )
    assert places(cells) == [("magnitude", "glue/cola", 0.8, 0), ("wide", "glue/cola", 0.8, 0)]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"axis": {}}, "Did you mean axes"),
        ({"axes": {"task": "cola", "sede": [1]}}, "Did you mean seed"),
        ({"axes": {"task": []}}, "task is an empty list"),
        ({"axes": {"seed": 1}}, "names no task"),
        ({"axes": {"task": "colla"}}, "glue/cola"),
        ({"axes": {"task": "cola", "engine": "wid"}}, "Did you mean wide"),
        ({"axes": ["cola"]}, "write names with values"),
        ({"axes": {"task": "cola", "sparsity": [0.9, 1.5]}}, "sparsity is 1.5"),
        ({"engines": {}}, "names no engines"),
        ({"engines": {"mine": {}}}, "unknown engine 'mine'"),
        ({"engines": {"imp": {"level": 2}}}, "Did you mean levels"),
        ({"engines": {"imp": {"sparsity": 0.5}}}, "belongs under `axes`"),
        ({"engines": {"imp": {"match_steps_of": "gmp"}}}, "Known: imp"),
        ({"engines": {"imp": {"match_steps_of": "imp", "total_steps": 9}}}, "leave one out"),
        ({"engines": {"imp": {"match_steps_of": "imp"}}}, "itself matches"),
        ({"base": {"seed": 1}}, "sets seed"),
        ({"base": {"engine": {"id": "imp"}}}, "sets id"),
        ({"base": {"scail": 1}}, "scale"),
        ({"base": {"dense": {"epoch": 1}}}, "epochs"),
        ({"overrides": {"where": 1}}, "write a list"),
        ({"overrides": [{"where": {"task": "cola"}}]}, "what is different"),
        ({"overrides": [{"base": {"scale": 1}}]}, "needs `where`"),
        ({"overrides": [{"where": {"task": "mrpc"}, "base": {"scale": 1}}]}, "fits no run"),
        ({"overrides": [{"where": {"seed": 0}, "axes": {"model": "x"}}]}, "depend on earlier ones"),
        ({"overrides": [{"where": {"taks": "cola"}, "base": {"scale": 1}}]}, "Did you mean task"),
    ],
)
def test_a_wrong_grid_is_refused_in_one_sentence(read, parts, message):
    with pytest.raises(BadInput) as caught:
        read(**parts)
    assert message in str(caught.value)
    assert "grid.yaml" in str(caught.value) or "unknown task" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_thousands_of_runs_are_counted_and_refused_unless_they_are_meant(read, monkeypatch):
    axes = GRID["axes"] | {"seed": list(range(300))}
    with pytest.raises(BadInput, match="asks for 2,400 runs"):
        read(axes=axes, engines={"imp": None, "randomized": None})
    assert len(read(at_most=None, axes=axes)) == 2400
    monkeypatch.setattr(grid, "_COUNTED", 1500)
    assert len(read(at_most=None, axes=axes)) == 2400, "nothing is left out"


def test_what_is_no_yaml_is_refused(tmp_path):
    (tmp_path / "broken.yaml").write_text("axes: [")
    (tmp_path / "twice.yaml").write_text("axes: {task: cola}\nengines:\n  imp: {}\n  imp: {levels: 2}\n")
    for name, reason in [
        ("broken.yaml", "not readable YAML"),
        ("twice.yaml", "imp occurs twice in a mapping.*line 4"),
        ("missing.yaml", "missing.yaml does not exist"),
        ("", "not readable YAML"),
    ]:
        with pytest.raises(BadInput, match=reason):
            read_grid(tmp_path / name)
