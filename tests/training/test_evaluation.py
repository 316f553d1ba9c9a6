import numpy as np
import torch

from workbench.models import load_tokenizer
from workbench.tasks import encode, load_task
from workbench.training import predict


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
