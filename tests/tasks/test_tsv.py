"""The files of the original GLUE download with their quirks: no header, broken rows, quotes, a BOM."""

import pytest

from workbench.errors import BadInput
from workbench.tasks import load_task

DEV = {"validation": "dev.tsv"}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes lines of tab-separated cells to a file in the GLUE folder."""
    monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(tmp_path))

    def writer(path: str, *lines: str, end: str = "\n", encoding: str = "utf-8"):
        target = tmp_path / path
        target.parent.mkdir(exist_ok=True)
        text = "".join(line.replace(" | ", "\t") + end for line in lines)
        target.write_bytes(text.encode(encoding))
        return target

    return writer


def both(write, folder: str, *lines: str, **options):
    for file in ("train.tsv", "dev.tsv"):
        write(f"{folder}/{file}", *lines, **options)


def rows(frame) -> list[tuple]:
    return list(frame.itertuples(index=False, name=None))


def test_cola_has_no_header(write):
    both(write, "CoLA", "src1 | 1 |  | It rains.", "src1 | 0 | * | It rain.")
    task = load_task("cola")
    assert rows(task.train) == [("It rains.", 1), ("It rain.", 0)]
    assert rows(task.dev["validation"]) == rows(task.train)


def test_sst2_has_a_header(write):
    both(write, "SST-2", "sentence | label", "a joy | 1", "a bore | 0")
    assert rows(load_task("sst2").train) == [("a joy", 1), ("a bore", 0)]


MRPC = (
    "Quality | #1 ID | #2 ID | #1 String | #2 String",
    "1 | 10 | 11 | one | eins",
    "0 | 12 | 13 | two | zwei",
)


def test_mrpc_may_have_a_byte_order_mark_and_windows_line_endings(write):
    both(write, "MRPC", *MRPC, end="\r\n", encoding="utf-8-sig")
    assert rows(load_task("mrpc").train) == [("one", "eins", 1), ("two", "zwei", 0)]


def test_mrpc_is_read_from_microsofts_files_but_never_mixed_with_glues(write):
    write("MRPC/msr_paraphrase_train.txt", *MRPC)
    write("MRPC/msr_paraphrase_test.txt", *MRPC[:2])
    task = load_task("mrpc")
    assert (len(task.train), len(task.dev["validation"])) == (2, 1)

    # GLUE's dev rows are part of Microsoft's train file.
    write("MRPC/dev.tsv", *MRPC)
    (write("MRPC/msr_paraphrase_test.txt", *MRPC)).unlink()
    with pytest.raises(BadInput, match=r"no train.tsv; expected train.tsv and dev.tsv"):
        load_task("mrpc")


def test_quotation_marks_and_unusual_line_separators_are_text(write):
    both(
        write,
        "QNLI",
        "index | question | sentence | label",
        '0 | Who said "no? | He said "no. | entailment',
        '1 | Why\u2028so\x85odd\rhere? | Nobody knows". | not_entailment',
    )
    assert rows(load_task("qnli").train) == [
        ('Who said "no?', 'He said "no.', 0),
        ("Why\u2028so\x85odd\rhere?", 'Nobody knows".', 1),
    ]


def test_broken_rows_of_qqp_are_skipped_and_counted(write):
    header = "id | qid1 | qid2 | question1 | question2 | is_duplicate"
    whole = "1 | 2 | 3 | how? | how so? | 1"
    write("QQP/train.tsv", header, whole, "4 | 5 | 6 | why", "is it? | 0", whole)
    write("QQP/dev.tsv", header, whole)
    task = load_task("qqp")
    assert rows(task.train) == [("how?", "how so?", 1)] * 2
    assert task.dropped == {"train": 2}


def test_stsb_is_a_regression(write):
    header = "index | genre | filename | year | old_index | source1 | source2 | sentence1 | sentence2 | score"
    both(write, "STS-B", header, "0 | g | f | 2012 | 1 | none | none | one | two | 3.250")
    task = load_task("stsb")
    assert rows(task.train) == [("one", "two", 3.25)]
    assert task.train["label"].dtype == "float32"


def test_mnli_has_two_dev_files_with_different_columns(write):
    write(
        "MNLI/train.tsv",
        "index | sentence1 | sentence2 | label1 | gold_label",
        "0 | p | h | neutral | contradiction",
    )
    header = "index | sentence1 | sentence2 | label1 | label2 | gold_label"
    write(
        "MNLI/dev_matched.tsv",
        header,
        "0 | p | h | neutral | neutral | neutral",
        "1 | q | i | neutral | neutral | -",
    )
    write("MNLI/dev_mismatched.tsv", header, "0 | p | h | neutral | neutral | entailment")
    task = load_task("mnli")
    assert rows(task.train) == [("p", "h", 2)]
    assert rows(task.dev["validation_matched"]) == [("p", "h", 1)]
    assert rows(task.dev["validation_mismatched"]) == [("p", "h", 0)]
    assert task.dropped == {"validation_matched": 1}


def test_rte_and_wnli_number_their_labels_in_opposite_order(write):
    header = "index | sentence1 | sentence2 | label"
    both(write, "RTE", header, "0 | a | b | entailment")
    both(write, "WNLI", header, "0 | a | b | 1")
    assert load_task("rte").train["label"].tolist() == [0]
    wnli = load_task("wnli")
    assert wnli.train["label"].tolist() == [1]
    assert wnli.labels[1] == "entailment"


def test_a_broken_file_is_named_together_with_what_was_expected(write):
    both(write, "RTE", "index | sentence1 | sentence2 | label", "0 | a | b | perhaps")
    with pytest.raises(BadInput, match=r"train.tsv has the label 'perhaps'; .* 0 \(entailment\)"):
        load_task("rte")
    write("RTE/train.tsv", "index | sentence1 | label", "0 | a | entailment")
    with pytest.raises(BadInput, match=r"train.tsv lacks the column 'sentence2'"):
        load_task("rte")
    write("RTE/train.tsv")
    with pytest.raises(BadInput, match=r"train.tsv lacks the column"):
        load_task("rte")
    write("RTE/train.tsv", "index | sentence1 | sentence2 | label")
    with pytest.raises(BadInput, match=r"train.tsv has no row"):
        load_task("rte")
    write("RTE/train.tsv", "caf\u00e9", encoding="latin-1")
    with pytest.raises(BadInput, match=r"train.tsv is not UTF-8"):
        load_task("rte")
    write("RTE/train.tsv").unlink()
    with pytest.raises(BadInput, match=r"no train.tsv; expected train.tsv and dev.tsv"):
        load_task("rte")
