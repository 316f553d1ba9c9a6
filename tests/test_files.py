import stat

import pytest
import yaml

from workbench.errors import BadInput, Stopped, unknown
from workbench.files import (
    check_place,
    disk_trouble,
    parse_yaml,
    read_json,
    write_atomic,
    write_json,
    write_text,
)


def test_a_file_is_replaced_completely_or_not_at_all(tmp_path):
    path = write_text(tmp_path / "new" / "file.txt", "old")

    def fail(part):
        part.write_text("half")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write_atomic(path, fail)
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [other.name for other in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("error", [OSError(28, "full"), RuntimeError("I/O error: No space (os error 28)")])
def test_a_full_disk_is_reported_and_leaves_no_file(tmp_path, error):
    def fail(part):
        part.write_text("half")
        raise error

    with pytest.raises(Stopped, match="no space left"):
        write_atomic(tmp_path / "file", fail)
    assert list(tmp_path.iterdir()) == []


def test_files_get_the_permissions_of_the_umask(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()

    def private(part):
        part.unlink()
        part.touch(mode=0o600)

    made = write_atomic(tmp_path / "made", private)
    assert stat.S_IMODE(made.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_path_below_a_file_is_rejected_before_any_work(tmp_path):
    (tmp_path / "file").touch()
    for place, reason in [("file/a/page.html", "file is not a folder"), (".", "is a folder")]:
        with pytest.raises(BadInput, match=reason):
            check_place(tmp_path / place)
    check_place(tmp_path / "new" / "page.html")
    assert not (tmp_path / "new").exists()


def test_json_round_trips_and_rejects_nan(tmp_path):
    assert read_json(write_json(tmp_path / "a.json", {"a": [1, 0.1]})) == {"a": [1, 0.1]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert read_json(tmp_path / "a.json") == {"a": [1, 0.1]}


def test_other_errors_are_not_attributed_to_the_disk():
    assert disk_trouble(OSError(2, "missing")) is None
    assert disk_trouble(ValueError("x")) is None


def test_an_unknown_name_gets_a_suggestion():
    assert str(unknown("fruit", "aple", ["cherry", "apple"])).startswith(
        "unknown fruit 'aple'. Did you mean apple?"
    )
    assert str(unknown("fruit", "apple", [])) == "unknown fruit 'apple'; there are none."


def test_numbers_with_a_colon_are_text_and_other_values_are_those_of_yaml():
    text = "[2:4, 4:8, 1:30.5, -1:2, 3, 1.5, 0x10, true, null, 2024-01-02]"
    first, rest = parse_yaml(text)[:4], parse_yaml(text)[4:]
    assert first == ["2:4", "4:8", "1:30.5", "-1:2"]
    assert rest == yaml.safe_load(text)[4:]
    assert parse_yaml(yaml.safe_dump({"pattern": "2:4"})) == {"pattern": "2:4"}
