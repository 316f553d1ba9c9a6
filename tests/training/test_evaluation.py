import numpy as np
import torch

from workbench.models import load_tokenizer
from workbench.tasks import encode, load_task
from workbench.training import EvaluationSet, predict
from workbench.training.data import TaskData


def test_predictions_stand_in_the_order_of_the_examples(model, tiny_model_dir):
    task = load_task("synth/sst2")
    tokenizer = load_tokenizer(str(tiny_model_dir))
    frame = task.dev["validation"].head(150)
    logits = predict(model, encode(task, frame, tokenizer), "fp32")
    assert logits.shape == (150, 2)
    assert logits.dtype == np.float32
    model.eval()
    for row in (0, 70, 149):
        inputs = tokenizer(frame["sentence"][row], return_tensors="pt")
        with torch.inference_mode():
            alone = model(**inputs).logits[0].numpy()
        np.testing.assert_allclose(logits[row], alone, atol=1e-5)


def test_the_mode_is_put_back(model, tiny_model_dir):
    task = load_task("synth/sst2")
    tokenizer = load_tokenizer(str(tiny_model_dir))
    examples = encode(task, task.dev["validation"].head(5), tokenizer)
    first = predict(model, examples, "fp32")
    assert model.training
    np.testing.assert_array_equal(first, predict(model.eval(), examples, "fp32"))
    assert not model.training


def test_prepared_examples_give_the_same_bits_and_a_sample_its_part_of_them(model, tiny_model_dir):
    task = load_task("synth/sst2")
    examples = encode(task, task.dev["validation"].head(90), load_tokenizer(str(tiny_model_dir)))
    prepared = EvaluationSet(examples)
    logits = predict(model, examples, "fp32")
    for _ in range(2):
        np.testing.assert_array_equal(predict(model, prepared, "fp32"), logits)
    chosen = np.array([3, 40, 41, 88])
    sample = EvaluationSet(examples, chosen)
    assert sample.labels.tolist() == examples.labels[chosen].tolist()
    np.testing.assert_allclose(predict(model, sample, "fp32"), logits[chosen], atol=1e-5)


def test_the_sample_of_the_validation_split_is_fixed_by_the_seed(model, tiny_model_dir):
    def metrics(seed):
        data = TaskData(load_task("synth/sst2"), str(tiny_model_dir), seed, "validation", examples=50)
        return [data.diagnose(model, "fp32", train=False, examples=size) for size in (20, 20, 10**6)], data

    (first, again, whole), data = metrics(0)
    assert first == again
    assert whole[0] == data.evaluate(model, "fp32")
    assert first[1] != whole[1]
    assert metrics(1)[0][0] != first
