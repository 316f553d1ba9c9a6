"""The options that name the columns of a data file."""

# Name to the settings of argparse. A task file has more settings.
TASK_OPTIONS = {
    "text": {"metavar": "COLUMN", "action": "append", "help": "a column of texts; repeat it for pairs"},
    "image": {"metavar": "COLUMN", "help": "a column of images: bytes, or names of files"},
    "label": {"metavar": "COLUMN", "help": "the column of labels"},
    "dev": {"metavar": "FILE|SHARE", "help": "a file, or a share of train such as 0.1"},
    "regression": {"action": "store_true", "help": "the labels are numbers to predict"},
}
