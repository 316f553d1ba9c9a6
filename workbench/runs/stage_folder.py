"""One stage on disk: a checkpoint while it trains, then the state that it leaves and its record."""

from dataclasses import asdict

from torch import Tensor

from workbench.files import read_json, write_json
from workbench.runs.layout import RunFolder
from workbench.runs.records import Record
from workbench.runs.states import read_tensors, write_tensors
from workbench.stages import Stage


class StageFolder:
    """Reads and writes the files of one stage.

    Attributes:
        stage: its name.
        paths: its files.
        mask: where its mask is kept.
    """

    def __init__(self, run: RunFolder, stage: str):
        self.stage = Stage(stage)
        self.paths = run.stage(stage)
        self.mask = run.mask(stage)

    @property
    def record(self) -> Record | None:
        """The record of a complete stage; None before that."""
        return read_record(self.paths.done) if self.paths.done.exists() else None

    def save_checkpoint(self, tensors: dict[str, Tensor], facts: dict, record: Record) -> None:
        """Replaces the checkpoint; tensors and record are in one file, so they always agree."""
        write_tensors(self.paths.checkpoint, tensors, facts | {"record": asdict(record)})

    def load_checkpoint(self) -> tuple[dict[str, Tensor], dict, Record] | None:
        """What `save_checkpoint` was last given, or None."""
        if not self.paths.checkpoint.exists():
            return None
        tensors, facts = read_tensors(self.paths.checkpoint)
        return tensors, facts, Record.from_plain(facts["record"])

    def finish(self, record: Record, tensors: dict[str, Tensor] | None) -> None:
        """Marks the stage as complete.

        Args:
            record: of the whole stage.
            tensors: the state that it leaves; None for a stage whose weights nobody needs.
        """
        if tensors is not None:
            write_tensors(self.paths.state, tensors, {"optimizer_steps": record.optimizer_steps})
        write_json(self.paths.done, asdict(record))
        self.paths.checkpoint.unlink(missing_ok=True)

    def finish_at_checkpoint(self) -> None:
        """Marks a stage that trains no further, a candidate that halving dropped, as complete."""
        if checkpoint := self.load_checkpoint():
            self.finish(checkpoint[2], None)


def read_record(path) -> Record:
    """The record in a file.

    Raises:
        BadInput: the file is damaged.
    """
    return Record.from_plain(read_json(path))
