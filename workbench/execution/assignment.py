"""The training of a candidate or a particle as plain data, for any process that has the run folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from workbench.execution.models import RunModels
from workbench.execution.stage_training import Output
from workbench.runs.layout import RunFolder
from workbench.runs.states import Order, Origin, StageState
from workbench.stages import Stage
from workbench.training import TrainingConfig


@dataclass(frozen=True)
class Assignment:
    """Training under a mask that is already in the run folder.

    Attributes:
        stage: the stage to train.
        state: the state that it starts from.
        config: the training configuration.
        mask_of: the stage whose mask it trains under.
        stream: names its random streams.
        output: what it saves; None for a candidate of which only the record is used.
        until: the step to train to; None for the whole training.
    """

    stage: Stage
    state: StageState
    config: TrainingConfig
    mask_of: Stage
    stream: str
    output: Output | None = None
    until: int | None = None

    def to_plain(self) -> dict[str, Any] | None:
        """The assignment as values for JSON; None if only this process knows its schedule."""
        if (config := self.config.to_plain()) is None:
            return None
        output, order = self.output, self.state.order
        return {
            "stage": self.stage,
            "origin": asdict(self.state.origin),
            "order": order and asdict(order),
            "config": config,
            "mask_of": self.mask_of,
            "stream": self.stream,
            "output": output and {"moments": output.moments, "diagnose": output.diagnose},
            "until": self.until,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], models: RunModels, folder: RunFolder) -> "Assignment":
        """The inverse of `to_plain`."""
        state = models.state_from(Origin.from_plain(plain["origin"]), folder)
        order, output = plain["order"], plain["output"]
        return cls(
            stage=Stage(plain["stage"]),
            state=state.in_order(Order(**order)) if order else state,
            config=TrainingConfig.from_plain(plain["config"]),
            mask_of=Stage(plain["mask_of"]),
            stream=plain["stream"],
            output=Output(**output) if output else None,
            until=plain["until"],
        )
