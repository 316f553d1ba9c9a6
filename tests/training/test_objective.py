import pytest
import torch
from torch.nn import functional as F

from workbench.randomness import torch_generator
from workbench.training import Distillation
from workbench.training.objective import label_loss, logit_loss, loss_of, squared_error, tinybert_loss

STUDENT = torch.tensor([[2.0, -1.0], [0.5, 0.0]])
TEACHER = torch.tensor([[1.0, 1.0], [-1.0, 3.0]])
LABELS = torch.tensor([0, 1])


def test_label_loss_is_cross_entropy_or_squared_error():
    assert label_loss(STUDENT, LABELS) == F.cross_entropy(STUDENT, LABELS)
    assert label_loss(torch.tensor([[1.0], [4.0]]), torch.tensor([1.0, 2.0])) == 2.0


def test_logit_loss_against_the_formula():
    distillation = Distillation(mode="logits", temperature=2.0, hardness=0.25)
    soft_teacher, soft_student = (TEACHER / 2).softmax(-1), (STUDENT / 2).softmax(-1)
    divergence = (soft_teacher * (soft_teacher / soft_student).log()).sum() / 2
    expected = 0.25 * 4 * divergence + 0.75 * F.cross_entropy(STUDENT, LABELS)
    assert logit_loss(STUDENT, TEACHER, LABELS, distillation).item() == pytest.approx(
        expected.item(), rel=1e-5
    )


def test_logit_loss_vanishes_at_the_teacher():
    distillation = Distillation(mode="logits", hardness=1.0)
    assert logit_loss(TEACHER, TEACHER, LABELS, distillation).item() == pytest.approx(0, abs=1e-6)
    scores = torch.tensor([[1.0], [2.0]])
    assert logit_loss(scores, scores, torch.tensor([0.0, 9.0]), distillation) == 0


def test_tinybert_loss_against_the_formula(model, batch):
    inputs = batch(0)
    labels = inputs.pop("labels")
    model.eval()
    output = model(**inputs, output_attentions=True, output_hidden_states=True)
    assert len(output.attentions) == 2
    assert len(output.hidden_states) == 3

    def other():
        return type(output)(
            logits=output.logits + 1,
            attentions=tuple(a.detach() + 0.5 for a in output.attentions),
            hidden_states=tuple(h.detach() - 2.0 for h in output.hidden_states),
        )

    soft = (output.logits + 1).softmax(-1)
    expected = 2 * 0.25 + 3 * 4.0 - (soft * output.logits.log_softmax(-1)).mean()
    assert tinybert_loss(output, other(), labels, 1.0).item() == pytest.approx(expected.item(), rel=1e-5)
    output.logits = output.logits[:, :1]
    expected = 2 * 0.25 + 3 * 4.0 + F.mse_loss(output.logits.squeeze(-1), torch.ones(4))
    assert tinybert_loss(output, other(), torch.ones(4), 1.0).item() == pytest.approx(
        expected.item(), rel=1e-5
    )


@pytest.mark.parametrize("formats", [(torch.float32, torch.float32), (torch.bfloat16, torch.float32)])
def test_a_squared_error_has_the_bits_of_the_library_and_keeps_one_tensor(formats):
    student, teacher = (
        torch.randn(3, 5, 7, generator=torch_generator("error", n)).to(dtype)
        for n, dtype in enumerate(formats)
    )
    one, two = (student.clone().requires_grad_(True) for _ in range(2))
    expected = F.mse_loss(one.float(), teacher.float())
    (0.3 * expected).backward()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda x: x):
        loss = squared_error(two, teacher.clone())
    assert [tensor.shape for tensor in kept] == [student.shape]
    (0.3 * loss).backward()
    assert torch.equal(loss, expected)
    assert torch.equal(one.grad, two.grad)


@pytest.mark.parametrize("mode", ["none", "logits", "tinybert"])
def test_every_mode_gives_gradients_to_the_student_alone(model, tiny_model_dir, batch, mode):
    from workbench.models import load_encoder

    teacher = load_encoder(str(tiny_model_dir), outputs=2, seed=1).eval()
    inputs = batch(0)
    labels = inputs.pop("labels")
    loss_of(model, teacher, inputs, labels, Distillation(mode=mode)).backward()
    assert model.bert.encoder.layer[0].output.dense.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in teacher.parameters())
