"""The label-word head on four families of encoders, compared to their own masked language models."""

import pytest
import torch
import transformers
from transformers import AutoTokenizer

from workbench.errors import BadInput
from workbench.models import load_encoder, load_tokenizer, prunable, save_model
from workbench.models.label_words import LabelWordClassifier, label_word_classifier
from workbench.randomness import seeded_globals, torch_generator

WORDS = ("no", "yes")
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
FAMILIES = {
    "bert": ("Bert", SMALL),
    "roberta": ("Roberta", SMALL | {"pad_token_id": 0}),
    "electra": ("Electra", SMALL | {"embedding_size": 16}),
    "distilbert": ("DistilBert", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}),
}


def checkpoint(family, kind, tiny_model_dir, folder):
    """Saves a random model of a family, with the tiny encoder's vocabulary, and its tokenizer."""
    name, sizes = FAMILIES[family]
    tokenizer = AutoTokenizer.from_pretrained(
        tiny_model_dir, model_input_names=["input_ids", "attention_mask"]
    )
    config = getattr(transformers, f"{name}Config")(vocab_size=len(tokenizer), **sizes)
    with seeded_globals("tests", family):
        model = getattr(transformers, f"{name}{kind}")(config)
        for parameter in model.parameters():  # biases and LayerNorms start as zeros and ones
            parameter.data += 0.1 * torch.randn(parameter.shape)
    for part in (tokenizer, model):
        part.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def inputs():
    tokens = torch.randint(5, 1000, (3, 7), generator=torch_generator("inputs"))
    return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}


def classifier_of(source, whole_head=True, words=WORDS):
    tokenizer = load_tokenizer(source)
    model = load_encoder(source, 2, 0)
    return label_word_classifier(model, tokenizer, words, whole_head=whole_head), tokenizer


@torch.no_grad()
@pytest.mark.parametrize("family", FAMILIES)
def test_the_logits_equal_the_language_models_at_the_first_token(family, tiny_model_dir, tmp_path, inputs):
    source = checkpoint(family, "ForMaskedLM", tiny_model_dir, tmp_path / family)
    classifier, tokenizer = classifier_of(source)
    whole = transformers.AutoModelForMaskedLM.from_pretrained(source).eval()
    expected = whole(**inputs).logits[:, 0, tokenizer.convert_tokens_to_ids(list(WORDS))]
    torch.testing.assert_close(classifier.eval()(**inputs).logits, expected, rtol=1e-5, atol=1e-5)
    plain = load_encoder(source, 2, 0)
    assert prunable(classifier).keys() == prunable(plain).keys()


@torch.no_grad()
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "electra"])
def test_without_a_language_model_the_embeddings_give_the_scores(family, tiny_model_dir, tmp_path, inputs):
    source = checkpoint(family, "Model", tiny_model_dir, tmp_path / family)
    classifier, tokenizer = classifier_of(source)
    encoder = transformers.AutoModel.from_pretrained(source).eval()
    hidden = encoder(**inputs).last_hidden_state[:, 0]
    rows = encoder.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(list(WORDS))]
    torch.testing.assert_close(classifier.eval()(**inputs).logits, hidden @ rows.T, rtol=1e-5, atol=1e-5)


def test_the_papers_head_can_be_requested(tiny_model_dir, tmp_path, inputs):
    source = checkpoint("bert", "ForMaskedLM", tiny_model_dir, tmp_path / "bert")
    assert len(classifier_of(source)[0].head) == 4
    assert len(classifier_of(source, whole_head=False)[0].head) == 1


@torch.no_grad()
@pytest.mark.parametrize("kind", ["ForMaskedLM", "Model"])
@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_a_saved_classifier_loads_again(family, kind, tiny_model_dir, tmp_path, inputs):
    source = checkpoint(family, kind, tiny_model_dir, tmp_path / family)
    classifier, tokenizer = classifier_of(source)
    save_model(classifier, tokenizer, tmp_path / "saved")
    again = load_encoder(str(tmp_path / "saved"), 2, seed=9)
    assert isinstance(again, LabelWordClassifier)
    assert again.training
    assert torch.equal(again.eval()(**inputs).logits, classifier.eval()(**inputs).logits)
    assert again.config.label_words == list(WORDS)
    with pytest.raises(BadInput, match="label words no, yes, but the task has 3 outputs"):
        load_encoder(str(tmp_path / "saved"), 3, seed=0)


def test_attentions_and_hidden_states_are_returned_on_request(tiny_model_dir, inputs):
    classifier, _ = classifier_of(str(tiny_model_dir))
    output = classifier(**inputs, output_attentions=True, output_hidden_states=True)
    assert len(output.attentions) == 2
    assert len(output.hidden_states) == 3
    assert classifier(**inputs).attentions is None


def test_the_original_classifier_is_not_changed(tiny_model_dir):
    model = load_encoder(str(tiny_model_dir), 2, 0)
    label_word_classifier(model, load_tokenizer(str(tiny_model_dir)), WORDS, whole_head=True)
    assert model.bert.pooler is not None
    assert model.config.architectures != ["LabelWordClassifier"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("terrible", "great"), r"'terrible' has \d tokens .*t ##er ##ri ##ble.*\. Give other words"),
        (("zürich", "great"), "must be one known token"),
        (("great", "Great"), "'Great' is the same token as another"),
    ],
)
def test_words_must_be_distinct_single_tokens(tiny_model_dir, words, complaint):
    with pytest.raises(BadInput, match=complaint):
        classifier_of(str(tiny_model_dir), words=words)


def test_narrow_embeddings_without_a_language_model_are_rejected(tiny_model_dir, tmp_path):
    source = checkpoint("electra", "Model", tiny_model_dir, tmp_path / "electra")
    with pytest.raises(BadInput, match=r"have 16 dimensions and its hidden states 32.*head=random"):
        classifier_of(source)
