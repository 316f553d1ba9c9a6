"""What the lowest movement scores cost: weights pruned by several rankings after a short training.

From the dense model of a run, scores and weights are trained as movement pruning does before its first
pruning (Sanh et al. 2020), in plain torch and on labels alone. Then a share of every matrix is pruned at
once, by the lowest score, the highest score, at random or by magnitude, and validation is scored.

Usage: .venv/bin/python docs/results/movement_collapse.py RUN [STEPS]
"""

import sys
from itertools import cycle, islice

import pandas as pd
import torch
from compare import markdown
from dense_models import dense_model
from torch import Tensor, nn
from torch.nn import functional as F

from workbench import Run
from workbench.models import load_tokenizer, prunable
from workbench.tasks import Task, load_task
from workbench.training.data import drawn

SHARES = (0.005, 0.02, 0.05, 0.1)
BATCH, LR, SCORE_LR = 16, 1e-4, 1e-2


def batches(frame: pd.DataFrame, task: Task, tokenizer, size: int):
    """Inputs and labels, in the order of the rows."""
    for first in range(0, len(frame), size):
        rows = frame.iloc[first : first + size]
        texts = [list(rows[name]) for name in task.inputs]
        yield (
            tokenizer(*texts, padding=True, truncation=True, return_tensors="pt"),
            torch.tensor(rows["label"].to_numpy()),
        )


def train(model: nn.Module, data) -> dict[str, Tensor]:
    """Trains weights and scores on batches, with nothing pruned: S = -lr sum of dL/dW W, by Adam."""
    weights = prunable(model)
    scores = {name: torch.zeros_like(weight, requires_grad=True) for name, weight in weights.items()}
    trained = [p for name, p in model.named_parameters() if "embeddings" not in name]
    optimizer = torch.optim.AdamW(
        [{"params": trained, "lr": LR}, {"params": list(scores.values()), "lr": SCORE_LR}], weight_decay=0.0
    )
    model.train()
    for inputs, labels in data:
        optimizer.zero_grad()
        F.cross_entropy(model(**inputs).logits, labels).backward()
        for name, weight in weights.items():
            scores[name].grad = weight.grad * weight.detach()
        nn.utils.clip_grad_norm_([*trained, *scores.values()], 1.0)
        optimizer.step()
    return scores


@torch.no_grad()
def evaluate(model: nn.Module, data) -> dict[str, str]:
    """Accuracy and mean loss."""
    model.eval()
    outputs = [(model(**inputs).logits, labels) for inputs, labels in data]
    logits, labels = (torch.cat(parts) for parts in zip(*outputs, strict=True))
    accuracy = (logits.argmax(1) == labels).double().mean()
    return {"accuracy": f"{accuracy:.3f}", "loss": f"{F.cross_entropy(logits, labels):.3f}"}


@torch.no_grad()
def prune(weights: dict[str, nn.Parameter], ranking: dict[str, Tensor], share: float) -> None:
    """Sets the lowest share of every matrix to zero."""
    for name, weight in weights.items():
        lowest = ranking[name].flatten().argsort()[: round(share * weight.numel())]
        weight.view(-1)[lowest] = 0.0


if __name__ == "__main__":
    run, steps = Run(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 90
    torch.manual_seed(run.spec.seed)
    task, tokenizer = load_task(run.spec.task), load_tokenizer(str(run.folder.model))
    training, validation = task.split(run.spec.seed)
    if run.spec.examples is not None:
        training = drawn(training, run.spec.examples, run.spec.seed, "examples")
    held_out = list(batches(validation, task, tokenizer, 100))
    model = dense_model(run, task.num_outputs)
    rows = [{"pruned": "nothing, dense model"} | evaluate(model, held_out)]
    scores = train(model, islice(cycle(batches(training, task, tokenizer, BATCH)), steps))
    rows.append({"pruned": f"nothing, {steps} steps later"} | evaluate(model, held_out))
    weights = prunable(model)
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    rankings = {
        "lowest scores": scores,
        "highest scores": {name: -score for name, score in scores.items()},
        "at random": {name: torch.rand_like(score) for name, score in scores.items()},
        "smallest": {name: weight.abs() for name, weight in before.items()},
    }
    for share in SHARES:
        for ranking, values in rankings.items():
            prune(weights, values, share)
            rows.append({"pruned": f"{share:.1%}, {ranking}"} | evaluate(model, held_out))
            with torch.no_grad():
                for name, weight in weights.items():
                    weight.copy_(before[name])
    print(markdown(pd.DataFrame(rows)))
