"""Specs that share entries are read as if each were read alone."""

import pytest
import yaml

from workbench.engines import ENGINES
from workbench.errors import BadInput
from workbench.files import parse_yaml
from workbench.runs import FineTuning, RunSpec
from workbench.runs.spec_text import Shared, parse_spec


def written(**values):
    return RunSpec(**{"task": "synth/rte", "engine": ENGINES["randomized"](sparsity=0.9)} | values).to_yaml()


@pytest.mark.parametrize("engine", sorted(set(ENGINES) - {"ticket"}))
def test_a_written_spec_is_read_as_yaml(engine):
    text = written(engine=ENGINES[engine](sparsity=0.5), seed=3, dense=FineTuning(lr=1e-4))
    plain = parse_spec(text)
    assert plain == parse_yaml(text)
    assert isinstance(plain["engine"], Shared)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 'b: c'\nd: 1\n",
        "# about\na: 1\n",
        "a: 1 # about\nb: 2",
        "a: {b: 1}\nb: [1, 2]\n",
        "a: &x\n  b: 1\nc: *x\n",
        "a: |\n  b: 1\nc: 2\n",
        "a: b\n  c\nd:\n- 1\n- 2\ne: 2:4\n",
        "- a\n- b\n",
        "yes: 1\nnull: 2\n",
        "a:\n\nb: 1\n",
    ],
)
def test_other_texts_are_read_as_yaml(text):
    assert parse_spec(text) == parse_yaml(text)


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "a: b: c\n", "a:\n  b: 1\n  b: 2\n", "a: 1\n  b: 2\n"])
def test_what_is_not_yaml_is_no_spec_either(text):
    with pytest.raises(yaml.YAMLError) as alone:
        parse_yaml(text)
    with pytest.raises(yaml.YAMLError) as found:
        parse_spec(text)
    assert str(found.value) == str(alone.value)


def test_specs_with_equal_engines_share_one_and_nothing_else(tmp_path):
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    first.write_text(written(seed=1))
    second.write_text(written(seed=2))
    third.write_text(written(engine=ENGINES["randomized"](sparsity=0.8)))
    specs = [RunSpec.from_yaml(path) for path in (first, second, third)]
    assert specs[0].engine is specs[1].engine
    assert [spec.seed for spec in specs] == [1, 2, 0]
    assert [spec.engine.sparsity for spec in specs] == [0.9, 0.9, 0.8]


def test_a_shared_entry_with_a_bad_value_is_refused_each_time(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("task: rte\nengine:\n  id: imp\n  sparsity: 2\n")
    for _ in range(2):
        with pytest.raises(BadInput, match=f"{path}: imp: sparsity is 2"):
            RunSpec.from_yaml(path)
    path.write_text("task: rte\nengine:\n  id: imp\ndense:\n  id: 1\n")
    with pytest.raises(BadInput, match="id"):
        RunSpec.from_yaml(path)
