import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

import workbench as wb
from workbench.errors import BadInput, Failed
from workbench.masks import Mask


@pytest.fixture(autouse=True)
def _fresh_accelerator():
    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 2))


@pytest.fixture
def mask(model):
    weights = {name: weight.detach().abs() for name, weight in model.named_parameters() if weight.ndim == 2}
    return wb.topk_mask(weights, sparsity=0.75, scope="global")


def revived(mask, model):
    weights = mask.weights_in(model)
    return sum(int(torch.count_nonzero(weights[name][~mask[name]])) for name in mask.names)


def loss_of(model):
    generator = torch.Generator().manual_seed(1)
    return model(torch.randn(32, 8, generator=generator)).square().sum()


def train(model, optimizer, steps=5):
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()


OPTIMIZERS = {
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.01, momentum=0.9, weight_decay=0.1),
    "adamw": lambda weights: torch.optim.AdamW(weights, lr=0.01),
    "fused adamw": lambda weights: torch.optim.AdamW(weights, lr=0.01, fused=True),
    "adafactor": lambda weights: torch.optim.Adafactor(weights),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_one_line_keeps_the_mask_and_without_it_weights_revive(model, mask, make):
    optimizer = make(model.parameters())
    kept = wb.keep(mask, model, optimizer)
    assert revived(mask, model) == 0
    train(model, optimizer)
    kept.check()
    assert revived(mask, model) == 0
    kept.remove()
    train(model, optimizer)
    assert revived(mask, model) > 0
    with pytest.raises(Failed, match=r"pruned weights are not zero, the first in 0\.weight"):
        kept.check()


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.LBFGS])
def test_an_optimizer_with_a_closure_keeps_the_mask(model, mask, optimizer):
    optimizer = optimizer(model.parameters(), lr=0.002)
    wb.keep(mask, model, optimizer)

    def closure():
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        return loss

    before = loss_of(model).item()
    for _ in range(3):
        optimizer.step(closure)
    assert revived(mask, model) == 0
    assert loss_of(model).item() < before


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_accelerate_keeps_the_mask(model, mask, precision):
    accelerator = Accelerator(cpu=True, mixed_precision=precision, gradient_accumulation_steps=2)
    model, optimizer = accelerator.prepare(model, torch.optim.AdamW(model.parameters(), lr=0.01))
    wb.keep(mask, model, optimizer)
    for _ in range(6):
        with accelerator.accumulate(model):
            accelerator.backward(loss_of(model))
            optimizer.step()
            optimizer.zero_grad()
    assert revived(mask, accelerator.unwrap_model(model)) == 0


def test_a_weight_that_is_not_a_number_is_pruned_too(model, mask):
    kept = wb.keep(mask, model, torch.optim.SGD(model.parameters(), lr=0.1))
    model[0].weight.data.fill_(torch.nan)
    kept.apply()
    kept.check()


@pytest.fixture
def process_group():
    """A group of this process alone."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("wrap", [torch.compile, DistributedDataParallel])
def test_a_wrapped_model_is_found(model, mask, process_group, wrap):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wb.keep(mask, wrap(model), optimizer)
    train(model, optimizer)
    assert revived(mask, model) == 0


def test_fsdp_is_refused(model, mask, process_group):
    mesh = init_device_mesh("cpu", (1,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(BadInput, match="pieces of the matrices"):
        wb.keep(mask, fully_shard(model, mesh=mesh), optimizer)


def test_an_unknown_optimizer_is_refused(model, mask):
    class Mine:
        def step(self):
            pass

    with pytest.raises(BadInput, match="Mine is not an optimizer that a mask can follow"):
        wb.keep(mask, model, Mine())


def test_an_optimizer_of_copies_is_refused(model, mask):
    copies = [weight.detach().clone().requires_grad_() for weight in model.parameters()]
    with pytest.raises(BadInput, match="trains none of the 2 matrices"):
        wb.keep(mask, model, torch.optim.SGD(copies, lr=0.1))


def test_a_mask_of_another_model_is_refused_and_touches_nothing(model):
    before = model[0].weight.detach().clone()
    other = Mask.from_tensors({"0.weight": torch.zeros(16, 8).bool(), "1.weight": torch.ones(2, 2).bool()})
    with pytest.raises(BadInput, match="a mask of another model"):
        wb.keep(other, model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert torch.equal(model[0].weight, before)


def test_a_model_in_pieces_is_refused(model, mask, monkeypatch):
    Accelerator(cpu=True)
    for kind, reason in ((DistributedType.FSDP, "FSDP"), (DistributedType.DEEPSPEED, "DeepSpeed")):
        monkeypatch.setitem(PartialState._shared_state, "distributed_type", kind)
        with pytest.raises(BadInput, match=f"cannot be kept under {reason}"):
            wb.keep(mask, model, torch.optim.SGD(model.parameters(), lr=0.1))
