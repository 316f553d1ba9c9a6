"""GLUE from a replaced Hub that answers, fails, or cannot be reached."""

import datasets
import pytest

from workbench.errors import BadInput
from workbench.tasks import download, load_task


@pytest.fixture
def requests(monkeypatch):
    """The requests to `load_dataset`, which returns a small rte."""
    calls = []

    def load_dataset(*request):
        calls.append(request)
        rows = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [1, 0], "idx": [0, 1]}
        unlabelled = rows | {"label": [-1, -1]}
        return datasets.DatasetDict(
            {
                "train": datasets.Dataset.from_dict(rows),
                "validation": datasets.Dataset.from_dict(rows),
                "test": datasets.Dataset.from_dict(unlabelled),
            }
        )

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(download, "offline", lambda: False)
    monkeypatch.setattr(download, "hub_unreachable", lambda: None)
    return calls


def test_a_task_is_loaded_from_the_hub(requests):
    task = load_task("glue/rte")
    assert requests == [("nyu-mll/glue", "rte")]
    assert task.train["label"].tolist() == [1, 0]
    assert list(task.dev["validation"]) == ["sentence1", "sentence2", "label"]
    assert set(task.dev) == {"validation"}


def test_a_missing_network_is_reported_with_three_remedies_and_without_a_request(requests, monkeypatch):
    monkeypatch.setattr(download, "hub_unreachable", lambda: "no connection to hub.example:443")
    with pytest.raises(BadInput) as caught:
        load_task("rte")
    assert requests == []
    for part in (
        "glue/rte",
        "no connection to hub.example:443",
        "WORKBENCH_GLUE_DIR",
        "synth/rte",
        "network",
    ):
        assert part in str(caught.value)


def test_offline_the_cache_is_still_tried(requests, monkeypatch):
    monkeypatch.setattr(download, "offline", lambda: True)
    monkeypatch.setattr(download, "hub_unreachable", lambda: "HF_HUB_OFFLINE is set")
    assert len(load_task("rte").train) == 2


def test_an_error_of_the_library_becomes_one_line(requests, monkeypatch):
    def fail(*request):
        raise ConnectionError("Couldn't reach the Hub\nand much more")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(BadInput, match=r"ConnectionError: Couldn't reach the Hub\. Either set") as caught:
        load_task("rte")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_offline_the_real_library_fails_at_once_with_our_message(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(BadInput, match="WORKBENCH_GLUE_DIR"):
        load_task("glue/wnli")
