"""A mask in the Trainer of the transformers library."""

from pathlib import Path
from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from workbench.errors import BadInput
from workbench.integrations.torch import KeptMask, masked_weights, refuse_deepspeed, refuse_sharding
from workbench.masks import Mask

MASK_FILE = "mask.safetensors"


class KeepMask(TrainerCallback):
    """Keeps pruned weights at zero: `Trainer(..., callbacks=[KeepMask(mask)])`.

    The mask is applied before the first step and after every optimizer step, hence before every checkpoint,
    and is saved as `mask.safetensors` in each checkpoint. Training that resumes from a checkpoint must use
    the same mask. Zeros are counted at every checkpoint and at the end, when the best model has been loaded.

    Works with mixed precision, gradient accumulation, clipping, weight decay and DDP. Gradients of pruned
    weights are included in the norm that is clipped.

    Args:
        mask: a mask of the Trainer's model, or the path of a mask file.

    Raises (from the Trainer's constructor or `train`):
        BadInput: the mask belongs to another model or another training, or the model uses FSDP or DeepSpeed.
        Failed: a pruned weight is not zero.
    """

    def __init__(self, mask: Mask | str | Path):
        self.mask = mask if isinstance(mask, Mask) else Mask.load(mask)
        self._kept: KeptMask | None = None

    def on_init_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        **more: Any,
    ) -> None:
        """Rejects what cannot work, before training starts."""
        refuse_deepspeed(bool(args.deepspeed))
        refuse_sharding(bool(args.fsdp))
        if model is not None:  # a Trainer with model_init makes it later
            masked_weights(self.mask, model)

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module,
        **more: Any,
    ) -> None:
        """Sets the pruned weights to zero; a checkpoint must have the same mask."""
        if state.global_step:
            self._check_resumed(args, state)
        self._kept = KeptMask(self.mask, model)

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Sets the pruned weights to zero."""
        self._kept.apply()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Saves the mask next to the weights, and counts the zeros."""
        self._kept.check()
        folder = _checkpoint(args, state)
        if args.should_save and folder.is_dir():
            self.mask.save(folder / MASK_FILE)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Counts the zeros."""
        self._kept.check()

    def _check_resumed(self, args: TrainingArguments, state: TrainerState) -> None:
        # The Trainer does not say which folder it resumes from.
        folders = [args.resume_from_checkpoint, _checkpoint(args, state)]
        files = [Path(folder) / MASK_FILE for folder in folders if isinstance(folder, str | Path)]
        for file in (file for file in files if file.is_file()):
            if (saved := Mask.load(file)) != self.mask:
                raise BadInput(
                    f"{file} is another mask ({saved.kept} of {saved.numel} kept, {saved.digest[:12]}) than "
                    f"the one given ({self.mask.kept} of {self.mask.numel}, {self.mask.digest[:12]}). "
                    f"Resume with KeepMask({str(file)!r}), or train anew in another folder."
                )


def _checkpoint(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
