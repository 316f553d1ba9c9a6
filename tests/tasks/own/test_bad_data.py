"""Data that cannot be used: exit code 2, one sentence with the value and the remedy, nothing written."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from tests.tasks.own.data import rows, save_task, write
from tests.tiny import png
from workbench.cli import main
from workbench.masks import Mask

HEADER = "title,text,stars\n"


def changed(name, **columns):
    """Replaces columns of a data file."""
    return lambda folder: write(
        rows(40 if name.startswith("train") else 10, 0 if name.startswith("train") else 40).assign(**columns),
        folder / name,
    )


def content(name, text):
    """Replaces a data file by other text."""
    return lambda folder: (folder / name).write_bytes(text.encode("latin-1"))


def task(**values):
    """Changes the task file."""
    return lambda folder: save_task(folder, **values)


def both(*steps):
    """Carries out several of these."""
    return lambda folder: [step(folder) for step in steps]


def lines(*entries):
    """Trains on JSON lines."""

    def break_it(folder):
        save_task(folder, train="train.jsonl")
        (folder / "train.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))

    return break_it


def parquet(break_file):
    """Trains on a Parquet file that something is done to."""

    def break_it(folder):
        save_task(folder, train="train.parquet")
        break_file(write(rows(40), folder / "train.parquet"))

    return break_it


def without_tokenizer(folder):
    """Replaces the link to the encoder by a copy without its tokenizer."""
    kept = [folder / "encoder" / name for name in ("config.json", "model.safetensors")]
    (folder / "other").mkdir()
    for file in kept:
        shutil.copy(file, folder / "other")


def three_classes(folder):
    shutil.copytree(folder / "encoder", folder / "classifier")
    model = AutoModelForSequenceClassification.from_pretrained(folder / "classifier", num_labels=3)
    model.save_pretrained(folder / "classifier")


def mask_of_other_shapes(folder):
    name = "bert.encoder.layer.0.attention.self.query.weight"
    Mask.from_tensors({name: torch.eye(4, dtype=torch.bool)}).save(folder / "mask.safetensors")


def cut_off_image(folder):
    (folder / "x.png").write_bytes(png(np.zeros((9, 9), np.uint8))[:-30])


def folder_instead_of_a_file(folder):
    (folder / "train.csv").unlink()
    (folder / "train.csv").mkdir()


def repeated(folder):
    write(pd.concat([rows(3), rows(7, start=40)]), folder / "dev.csv")


GOOD, BAD = {"title": "a", "text": "b", "stars": "good"}, {"title": "c", "text": "d", "stars": "bad"}
CASES = {
    "a missing column": (
        task(inputs="[title, txt]"),
        r"train.csv has no column 'txt'; it has 'title', 'text', 'stars', 'grade'. Name one of them.",
    ),
    "columns between semicolons": (
        content("train.csv", "title;text;stars\na;b;good\n"),
        "train.csv seem to be separated by semicolons: 'title;text;stars'. Save it with commas, or",
    ),
    "a missing column of dev": (
        content("dev.csv", "title,text,star\na,b,good\n"),
        r"dev.csv has no column 'stars'; it has 'title', 'text', 'star'",
    ),
    "a key that no line has": (
        lines({"title": "a", "stars": "good"}),
        "train.jsonl has no column 'text'; it has 'title', 'stars'",
    ),
    "a label in dev that train lacks": (
        changed("dev.csv", stars=["good"] * 8 + ["best"] * 2),
        "dev.csv has the label 'best' in 2 rows, which is not among the classes of train: bad, good. Correct",
    ),
    "numbers in dev whose order nobody gave": (
        changed("dev.csv", stars=[0, 1] * 5),
        "dev.csv has the label '0' in 5 rows and 1 more class, which is not among the classes of train: bad",
    ),
    "a number of dev that is no name of train": (
        both(changed("train.csv", stars=[1, 2] * 20), changed("dev.csv", stars=[0] * 10)),
        "dev.csv has the label '0' in 10 rows, which is not among the classes of train: 1, 2. Correct",
    ),
    "a given label in dev that train lacks": (
        both(task(labels="[bad, good, best]"), changed("dev.csv", stars=["good"] * 8 + ["best"] * 2)),
        "dev.csv has the label 'best' in 2 rows, and no row of train has it; train has bad, good. Add such",
    ),
    "an empty file": (content("train.csv", ""), "train.csv is empty. Replace it with the complete file."),
    "a file of blank lines": (content("train.csv", "\n\n"), "train.csv is empty. Replace it with the"),
    "JSON lines that are all blank": (
        both(task(train="train.jsonl"), content("train.jsonl", "\n \n")),
        "train.jsonl is empty. Replace it with the complete file.",
    ),
    "half of a character in a text": (
        lines(GOOD, BAD | {"text": "a \ud83d"}),
        r"train.jsonl, line 2: 'text' has '\ud83d', which is half of a character. Write both halves, or",
    ),
    "half of a character in a label": (
        lines(GOOD, BAD | {"stars": "\ud83d"}),
        r"train.jsonl, line 2: 'stars' has '\ud83d', which is half of a character.",
    ),
    "a file with a header only": (content("train.csv", HEADER), "train.csv has a header and no rows"),
    "a text that is a number among texts": (
        lines(GOOD, BAD | {"text": 7}),
        "train.jsonl, line 2: 'text' is 7, which is not a text. Put it in quotes",
    ),
    "numbers and words as labels": (
        changed("train.csv", stars=["1", "2"] * 19 + ["good"] * 2),
        "the labels of {folder}/train.csv mix numbers, such as 1, with words: 'good' in 2 of 40 rows.",
    ),
    "texts that are numbers": (
        changed("train.csv", text=range(40)),
        "'text' of {folder}/train.csv has numbers, such as 0, in all 40 rows, and no texts. Name a column of",
    ),
    "a column of numbers": (
        parquet(lambda path: write(rows(40).assign(text=1.5), path)),
        "'text' of {folder}/train.parquet is 1.5 in row 1, which is not a text. Name a column of texts",
    ),
    "a number among texts beside an index": (
        parquet(lambda path: write(rows(40).assign(text=1.5).set_index(np.arange(40) + 7), path)),
        "'text' of {folder}/train.parquet is 1.5 in row 1, which is not a text. Name a column of texts",
    ),
    "missing labels": (
        changed("train.csv", stars=["good", "bad", None, "NaN"] * 10),
        "train.csv has no label in 20 of its 40 rows, row 3 first. Fill them in, or remove those rows.",
    ),
    "labels that are NaN": (
        parquet(lambda path: write(rows(40).assign(stars=[1.0, float("nan")] * 20), path)),
        "train.parquet has no label in 20 of its 40 rows, row 2 first. Fill them in",
    ),
    "a target that is not a number": (
        task(label="stars", regression="true"),
        "train.csv has the label 'bad'; 40 of its 40 labels are not finite numbers. Correct them, or leave",
    ),
    "one class only": (
        changed("train.csv", stars="good"),
        "all 40 labels of {folder}/train.csv are 'good'; it takes two classes to learn something. Name",
    ),
    "targets as classes": (
        task(label="grade"),
        "are 7 different numbers in 40 rows, such as 0. Name a column of classes, or predict numbers with",
    ),
    "texts as classes": (
        task(inputs="text", label="title"),
        "are 40 different classes in 40 rows, such as title 0. Name a column of classes",
    ),
    "dev rows in train": (
        repeated,
        "3 of the 10 dev rows of reviews.yaml (30.0 %) are also in train, so that scores on dev would say "
        "little about new rows; at most 10 % may. Remove them from one of the two, or add --yes",
    ),
    "two columns of one name": (
        content("train.csv", "title,text,stars,text\na,b,good,c\n"),
        "train.csv has 2 columns called 'text'. Rename all but one of them.",
    ),
    "quotes that do not end": (
        content("train.csv", f'{HEADER}a,b,good\na,"b,bad\nc,d,good\n'),
        "train.csv: the quotes of the row that begins on line 3 do not match (unexpected end of data). Write",
    ),
    "quotes that end in the next row": (
        content("train.csv", f'{HEADER}"a\n",b,good\na,"b,bad\nc,"d",good\n'),
        "train.csv: the quotes of the row that begins on line 4 do not match (',' expected after '\"').",
    ),
    "a separator in a text": (
        content("train.csv", f"{HEADER}a,b, and c,good\n"),
        "train.csv, line 2, has 4 fields, and the header has 3. Put texts with separators in double quotes",
    ),
    "an encoding other than UTF-8": (
        content("train.csv", f"{HEADER}a,caf\xe9,good\n"),
        "train.csv is not UTF-8 (",
    ),
    "a line that is no JSON": (
        both(task(train="train.jsonl"), content("train.jsonl", "{}\n{'title': 1}\n")),
        "train.jsonl, line 2, is not JSON (",
    ),
    "a Parquet file cut off": (
        parquet(lambda path: path.write_bytes(path.read_bytes()[:-20])),
        "cannot read {folder}/train.parquet as Parquet (",
    ),
    "a folder instead of a file": (
        folder_instead_of_a_file,
        "train.csv is a folder. Name a file in it, or list several.",
    ),
    "a file that does not exist": (
        task(train="nothing.csv"),
        "nothing.csv does not exist. Correct the path; in a task file it is relative to that file.",
    ),
    "a format that is not read": (
        task(train="train.xlsx"),
        "reviews.yaml: train.xlsx is not in a format that is read; those are .csv, .tsv, .jsonl, .parquet.",
    ),
    "a share that is none": (task(dev=1.5), "dev is 1.5; give a file, or a share of train between 0 and 1"),
    "a share that leaves no row": (
        task(dev=0.01),
        "dev is 0.01 of 40 rows, which leaves 0 of them for dev and 40 for train. Give another share",
    ),
    "a setting that does not exist": (
        task(lables="[a, b]"),
        "unknown setting of the task 'lables'. Did you mean label",
    ),
    "a setting that is missing": (
        lambda folder: (folder / "reviews.yaml").write_text("train: train.csv\ndev: 0.1\ninputs: text\n"),
        "reviews.yaml: the task needs a value for label.",
    ),
    "a setting with another name": (
        lambda folder: (folder / "reviews.yaml").write_text("train: train.csv\ninput: text\nlabel: stars\n"),
        "unknown setting of the task 'input'. Did you mean inputs?",
    ),
    "labels that YAML reads as truth values": (
        task(labels="[no, yes]"),
        "labels has False, which is what YAML makes of words such as yes, no, on and off. Put such words in",
    ),
    "a metric for other labels": (
        task(metrics="pearson"),
        "metric pearson is for numbers, and the task has 2 classes. These fit: matthews, accuracy, balanced",
    ),
    "a metric for two classes": (
        both(task(metrics="f1"), changed("train.csv", stars=["good", "bad", "best", "bad"] * 10)),
        "metric f1 is for two classes, and the task has 3 classes. These fit: matthews",
    ),
    "a metric that does not exist": (
        task(metrics="[acuracy]"),
        "unknown metric 'acuracy'. Did you mean accuracy",
    ),
    "the label as an input": (task(inputs="[text, stars]"), "name the column 'stars' twice"),
    "a name for a folder elsewhere": (task(name="../mine"), "name is '../mine'; it names run folders"),
    "two columns of images": (
        both(task(inputs="[photo, text]", dev=0.2, modality="images"), changed("train.csv", photo="x.png")),
        "inputs is photo, text; name one column of images.",
    ),
    "an image that is not there": (
        both(task(inputs="photo", dev=0.2), changed("train.csv", photo="photos/x.png")),
        "train.csv names the image photos/x.png in row 1, which cannot be read (No such file or directory).",
    ),
    "an image that is cut off": (
        both(task(inputs="photo", dev=0.2), changed("train.csv", photo="x.png"), cut_off_image),
        "the image in row 1 of {folder}/train.csv cannot be decoded (",
    ),
    "an encoder without a tokenizer": (
        without_tokenizer,
        "model folder {folder}/other lacks tokenizer_config.json. Save both the model and its tokenizer",
        "--model={folder}/other",
    ),
    "a classifier with another number of classes": (
        three_classes,
        "dense model {folder}/classifier has 3 outputs (LABEL_0, LABEL_1, LABEL_2), and own/reviews-",
        "--dense={folder}/classifier",
    ),
    "a mask of other shapes": (
        mask_of_other_shapes,
        "mask.safetensors is of another model: bert.encoder.layer.0.attention.self.query.weight is (4, 4) in "
        "the mask and (32, 32) among the prunable matrices of the model. Give a mask that was made for this",
        "--engine=ticket",
        "--set=mask={folder}/mask.safetensors",
    ),
    "a pattern that does not divide the matrices": (
        task(),
        "pattern block:5x4 does not divide 'bert.encoder.layer.0.attention.self.query.weight', which has "
        "32 x 32 weights. All matrices can be divided by RxC with R one of 1, 2, 4, 8, 16, 32, and C one of",
        "--set=pattern=block:5x4",
    ),
    "n:m with another sparsity": (
        task(),
        "sparsity is 0.5, but a mask with the pattern 1:4 has 0.75. Give that, or another pattern.",
        "--set=pattern=1:4",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_data_is_one_sentence_and_exit_code_2(case, tiny_model_dir, tmp_path, capsys):
    break_it, message, *words = CASES[case]
    save_task(tmp_path)
    (tmp_path / "encoder").symlink_to(tiny_model_dir)
    break_it(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    command = ["prune", str(tmp_path / "reviews.yaml"), f"--model={tmp_path}/encoder", "--engine=magnitude"]
    if "--engine=ticket" not in words:  # which takes the mask's
        command.append("--sparsity=0.5")
    command += [word.replace("{folder}", str(tmp_path)) for word in words]
    assert main([*command, "--store", str(tmp_path / "runs")]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("workbench: ")
    assert output.err.count("\n") == 1
    assert message.replace("{folder}", str(tmp_path)) in output.err
    assert sorted(tmp_path.rglob("*")) == before, "nothing is left half-written"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train.csv"],
            "train.csv is a data file with the columns 'title', 'text', 'stars', 'grade'. Say which",
        ),
        (["train.csv", "--text", "text", "--label", "stars"], "--dev FILE or a share such as 0.1"),
        (["blank.csv"], "blank.csv is empty. Replace it with the complete file."),
        (["blank.jsonl"], "blank.jsonl is empty. Replace it with the complete file."),
        (["reviews.yaml", "--label", "stars"], "--label: these describe a data file"),
        (
            ["synth/rte", "--text", "text"],
            "--text: these describe a data file (.csv, .tsv, .jsonl, .parquet)",
        ),
        (["--text", "text"], "no TASK is given"),
        (["train.csv", "--text", "a", "--image", "b", "--label", "c", "--dev", "1"], "Leave one out"),
        (["."], "unknown task"),
        (["data"], "data is a folder. Name a task file (docs/your-own.md), or a data file: .csv"),
        (["folder.yaml"], "folder.yaml is a folder. Name a task file, or a data file, in it."),
        (["notes.txt"], "notes.txt is neither a task file nor a data file"),
        (["nothing.yaml"], "nothing.yaml does not exist. Check the path."),
        (["list.yaml"], "list.yaml defines no task; write train, dev, inputs and label"),
        (["hub.yaml"], "hub belongs under train or dev"),
        (["own/reviews-01234567"], "a task of your own whose file is not known here. Name the file as TASK."),
    ],
)
def test_a_task_that_is_not_named_well_is_refused(arguments, message, tmp_path, monkeypatch, capsys):
    save_task(tmp_path)
    for name in ("data", "folder.yaml"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("a")
    for name in ("blank.csv", "blank.jsonl"):
        (tmp_path / name).write_text("\n\n")
    (tmp_path / "list.yaml").write_text("- a\n")
    (tmp_path / "hub.yaml").write_text("hub: {path: a/b}\n")
    monkeypatch.chdir(tmp_path)
    assert main(["prune", *arguments, "--engine", "magnitude", "--sparsity", "0.5"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
