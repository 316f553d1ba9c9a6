import time
from types import SimpleNamespace

import torch
from torch import nn

from workbench.execution.latency import forward_milliseconds


class Sleeper(nn.Module):
    """Takes a known time at least, and notes when it was asked."""

    def __init__(self, name, seconds, asked):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.name, self.seconds, self.asked = name, seconds, asked

    def forward(self, input_ids):
        self.asked.append((self.name, self.training))
        time.sleep(self.seconds)
        return SimpleNamespace(logits=self.weight)


def test_models_take_turns_in_eval_mode_and_their_own_time():
    asked = []
    models = {"slow": Sleeper("slow", 0.02, asked), "quick": Sleeper("quick", 0.0, asked)}
    batch = {"input_ids": torch.zeros(2, 3), "labels": torch.zeros(2)}
    taken = forward_milliseconds(models, batch, "fp32")
    assert taken["slow"] >= 20
    assert taken["quick"] > 0
    turn = [("slow", False), ("quick", False)]
    assert asked == turn + (turn[::-1] + turn) * 4 + turn[::-1]


def test_a_large_model_is_measured_thrice(monkeypatch):
    monkeypatch.setattr("workbench.execution.latency._SECONDS", 0.0)
    asked = []
    forward_milliseconds({"only": Sleeper("only", 0.0, asked)}, {"input_ids": torch.zeros(1)}, "fp32")
    assert len(asked) == 4
