"""A Hugging Face folder with its model card, and its upload to the Hub."""

from pathlib import Path

import yaml
from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils import validate_repo_id

from workbench.errors import BadInput, Stopped
from workbench.exports.card import model_card
from workbench.exports.model_files import base_model, copy_model
from workbench.hub import hub_unreachable
from workbench.runs import Run
from workbench.runs.portable import without_paths
from workbench.settings import to_plain


def write_folder(run: Run, folder: Path) -> dict:
    """Writes model, tokenizer, mask, spec and model card for `from_pretrained` of the library."""
    copy_model(run, folder, weights=True)
    mask = run.mask()
    mask.save(folder / "mask.safetensors")
    spec = without_paths(to_plain(run.spec)) | {"model": base_model(run)}
    (folder / run.folder.spec.name).write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    model_card(run).save(folder / "README.md")
    return {"kept": mask.kept, "numel": mask.numel}


def check_hub(repository: str) -> None:
    """Rejects an upload that cannot succeed.

    Raises:
        BadInput: not OWNER/NAME, the Hub cannot be reached, or nobody is logged in.
    """
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise BadInput(f"--push {repository} names no repository: {error}") from error
    if repository.count("/") != 1:
        raise BadInput(f"--push {repository} names no owner; give OWNER/NAME.")
    if reason := hub_unreachable():
        raise BadInput(
            f"nothing was pushed: the Hub cannot be reached ({reason}). Leave --push out to write the "
            "folder, and repeat the command with it where there is a network."
        )
    if get_token() is None:
        raise BadInput("nobody is logged in to the Hub. Run `hf auth login`, or set HF_TOKEN.")


def upload(folder: Path, repository: str) -> None:
    """Uploads a folder to the Hub; creates the repository if it does not exist.

    Raises:
        Stopped: the Hub rejected it, or the connection was lost; the folder is complete, and the same command
            tries again.
    """
    try:
        api = HfApi()
        api.create_repo(repository, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder)
    except (HfHubHTTPError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise Stopped(
            f"{folder} is complete, but was not pushed to {repository}: {reason}. Repeat the command to try "
            "again."
        ) from error
