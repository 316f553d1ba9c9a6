"""One stage on disk: its checkpoint and best weights while it trains, then its final state and record."""

import os
from collections.abc import Collection, Mapping
from dataclasses import asdict

from torch import Tensor

from workbench.errors import BadInput
from workbench.files import read_json, write_json
from workbench.runs.layout import RunFolder
from workbench.runs.records import Record
from workbench.runs.states import read_tensors, write_tensors
from workbench.stages import Stage


class StageFolder:
    """Reads and writes the files of one stage.

    Attributes:
        run: the folder of its run, or of the shared dense model.
        stage: its name.
        paths: its files.
        mask: where its mask is kept.
    """

    def __init__(self, run: RunFolder, stage: str):
        self.run = run
        self.stage = Stage(stage)
        self.paths = run.stage(stage)
        self.mask = run.mask(stage)

    @property
    def record(self) -> Record | None:
        """The record of a complete stage; None before that."""
        return read_record(self.paths.done) if self.paths.done.exists() else None

    def save_checkpoint(
        self, tensors: Mapping[str, Tensor], facts: dict, record: Record, best: int | None
    ) -> None:
        """Replaces the checkpoint; tensors and record are in one file, so they always agree.

        Args:
            tensors: the trainer's.
            facts: what else a resume needs.
            record: of the stage so far.
            best: the step whose weights the stage would leave if it ended now, which `save_best` has saved.
        """
        write_tensors(self.paths.checkpoint, tensors, facts | {"record": asdict(record), "best": best})

    def load_checkpoint(self) -> tuple[Mapping[str, Tensor], dict, Record, int | None] | None:
        """The tensors, facts, record and best step that `save_checkpoint` was last given, or None.

        Raises:
            BadInput: the weights of the best step are missing.
        """
        if not self.paths.checkpoint.exists():
            return None
        tensors, facts = read_tensors(self.paths.checkpoint)
        record = Record.from_plain(facts["record"])
        best = facts["best"] if "best" in facts else self._take_best_out(tensors, record)
        if best is not None and not self.paths.best(best).exists():
            # The process ended within `finish`, which had renamed the file.
            if not self.paths.state.exists():
                raise BadInput(
                    f"{self.paths.best(best)} is missing. Delete the folder {self.paths.folder} and run the "
                    "same command, which then repeats the stage."
                )
            os.replace(self.paths.state, self.paths.best(best))
        return tensors, facts, record, best

    def save_best(self, step: int, tensors: Mapping[str, Tensor], optimizer_steps: int) -> None:
        """Saves the weights that the stage leaves unless a later evaluation is better.

        Args:
            step: optimizer steps of the stage so far.
            tensors: weights, with or without moments.
            optimizer_steps: steps that the moments have averaged over.
        """
        write_tensors(self.paths.best(step), tensors, {"optimizer_steps": optimizer_steps})

    def drop_bests(self, keep: Collection[int | None] = ()) -> None:
        """Removes what `save_best` saved, except for some steps."""
        kept = {self.paths.best(step) for step in keep if step is not None}
        for path in set(self.paths.bests()) - kept:
            path.unlink()

    def finish(self, record: Record, best: int | None) -> None:
        """Marks the stage as complete.

        Args:
            record: of the whole stage.
            best: the step whose saved weights are the state that it leaves; None for a stage whose weights
                nobody needs.
        """
        if best is not None:
            os.replace(self.paths.best(best), self.paths.state)
        write_json(self.paths.done, asdict(record))
        self.paths.checkpoint.unlink(missing_ok=True)
        self.drop_bests()

    def _take_best_out(self, tensors: Mapping[str, Tensor], record: Record) -> int | None:
        """Saves the best weights of a checkpoint by an earlier version, which held them itself."""
        names = [name for name in tensors if name.startswith("best.")]
        if not names:
            return None
        best = {name.removeprefix("best."): tensors[name] for name in names}
        self.save_best(record.kept.step, best, record.optimizer_steps)
        return record.kept.step

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
