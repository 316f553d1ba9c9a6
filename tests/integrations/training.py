"""A tiny Trainer, a mask of its model, and a script of the same for several processes."""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

from workbench.integrations.transformers import KeepMask
from workbench.masks import Mask, topk_mask
from workbench.models import prunable

EXAMPLES, LENGTH = 96, 12


class Sentences(torch.utils.data.Dataset):
    """Random tokens; the label says whether the first is above the middle of the vocabulary."""

    def __init__(self, vocabulary: int):
        generator = torch.Generator().manual_seed(0)
        self.ids = torch.randint(5, vocabulary, (EXAMPLES, LENGTH), generator=generator)
        self.labels = (self.ids[:, 0] > vocabulary // 2).long()

    def __len__(self) -> int:
        return EXAMPLES

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        ids = self.ids[index]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": self.labels[index]}


def tiny_model(folder: Path) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)


def tiny_mask(model: torch.nn.Module) -> Mask:
    weights = {name: weight.detach().abs() for name, weight in prunable(model).items()}
    return topk_mask(weights, sparsity=0.9, scope="global")


def tiny_trainer(model: torch.nn.Module, folder: Path, callbacks: list, **changes) -> Trainer:
    """A Trainer of 12 steps with weight decay and clipping; one more is a resume."""
    values = {
        "max_steps": 12,
        "per_device_train_batch_size": 8,
        "learning_rate": 1e-2,
        "weight_decay": 0.1,
        "max_grad_norm": 0.1,
        "save_strategy": "steps",
        "save_steps": 4,
        "use_cpu": True,
        "report_to": [],
        "disable_tqdm": True,
        "logging_strategy": "no",
    }
    arguments = TrainingArguments(str(folder), **values | changes)
    data = Sentences(model.config.vocab_size)
    return Trainer(model, arguments, train_dataset=data, eval_dataset=data, callbacks=callbacks)


def revived(mask: Mask, weights) -> int:
    """How many pruned weights are not zero, of a model or of the tensors of a file."""
    weights = mask.weights_in(weights)
    return sum(int(torch.count_nonzero(weights[name][~mask[name]])) for name in mask.names)


if __name__ == "__main__":  # one of several processes, which gloo joins
    model_folder, out = sys.argv[1:]
    model = tiny_model(Path(model_folder))
    mask = tiny_mask(model)
    trainer = tiny_trainer(model, Path(out), [KeepMask(mask)], ddp_backend="gloo", max_steps=4)
    trainer.train()
    assert trainer.args.world_size == 2
    print("revived", revived(mask, model), float(sum(p.double().sum() for p in model.parameters())))
