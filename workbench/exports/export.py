"""Exports a complete run to a folder that can be used on other machines."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from workbench.errors import BadInput, Failed, Stopped, unknown
from workbench.exports.hugging_face import check_hub, upload, write_folder
from workbench.exports.matrices import write_mask, write_matrices
from workbench.exports.model_files import copy_model
from workbench.extras import check_extra
from workbench.files import disk_trouble, read_json, write_json
from workbench.models import save_sparse_weights
from workbench.runs import EXPORTED, Run


@dataclass(frozen=True)
class Form:
    """An export format.

    Attributes:
        write: fills an empty folder and returns additional entries for `export.json`.
        extra: the extra with the packages that it needs.
    """

    write: Callable[[Run, Path], dict]
    extra: str | None = None


def _write_onnx(run: Run, folder: Path) -> dict:
    from workbench.exports.onnx import write_onnx

    return write_onnx(run, folder)


def _write_sparse(run: Run, folder: Path) -> dict:
    from workbench.inference import sparse_model

    copy_model(run, folder, weights=False)
    save_sparse_weights(sparse_model(run, compute="sparse"), folder)
    return {"kept": run.mask().kept, "numel": run.mask().numel}


FORMS = {
    "hf": Form(write_folder),
    "mask": Form(write_mask),
    "onnx": Form(_write_onnx, extra="onnx"),
    "npz": Form(write_matrices),
    "sparse": Form(_write_sparse),
}


def export(run: Run | str | Path, format: str, out: str | Path, *, push: str | None = None) -> Path:
    """Exports the model or the mask of a complete run.

    Args:
        run: the run or its folder.
        format: "hf" (a Hugging Face folder with a model card), "mask" (the mask file), "onnx", "npz" (CSR
            matrices and the rest), or "sparse" (kept values and packed mask, for `sparse_model`).
        out: the folder to create. If it already has the same export, it is not changed.
        push: with "hf", also upload it to the Hub as OWNER/NAME.

    Returns:
        The folder.

    Raises:
        BadInput: the format is unknown, packages are missing, the run is not complete, the folder has other
            contents, or the Hub cannot be reached; nothing was written.
        Failed: the outputs or zeros of the exported model differ from the run's; nothing was left in `out`.
        Stopped: the disk is full, or the Hub rejected an upload.
    """
    run = run if isinstance(run, Run) else Run(run)
    out = Path(out)
    form = _form(format)
    about = _about(run, format)
    if push is not None:
        _check_push(format, push)
    if not _is_there(out, about):
        _write(form, run, out, about)
    if push is not None:
        upload(out, push)
    return out


def _form(format: str) -> Form:
    if format not in FORMS:
        raise unknown("format", format, FORMS)
    form = FORMS[format]
    if form.extra:
        check_extra(form.extra, f"the format {format}")
    return form


def _about(run: Run, format: str) -> dict:
    """What identifies an export: no time and no path."""
    results = run.results
    if not run.folder.model_weights.is_file():
        raise BadInput(f"run {run.name} has lost its model. Delete the run's folder and make the run again.")
    with run.folder.model_weights.open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    names = ("run", "task", "engine", "seed", "sparsity")
    facts = {name: results[name] for name in names}
    return {"format": format, **facts, "mask": run.mask().digest, "weights": weights}


def _is_there(out: Path, about: dict) -> bool:
    """Whether the folder already has this export.

    Raises:
        BadInput: it has other contents.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not out.is_dir():
        raise BadInput(f"{out} is a file; --out must name a folder to make.")
    if (out / EXPORTED).is_file() and read_json(out / EXPORTED).items() >= about.items():
        return True
    raise BadInput(
        f"{out} holds something other than the {about['format']} export of {about['run']}. "
        "Name a folder that does not exist, or delete it."
    )


def _write(form: Form, run: Run, out: Path, about: dict) -> None:
    """Fills a temporary folder and renames it, so that no incomplete export is left."""
    part = out.absolute().with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
    except OSError as error:
        raise BadInput(f"cannot make {out}: {error.strerror}. Name another folder.") from error
    try:
        _check_zeros(run)
        found = form.write(run, part)
        write_json(part / EXPORTED, about | found)
        if out.exists():
            out.rmdir()
        os.replace(part, out)
    except OSError as error:
        if reason := disk_trouble(error):
            raise Stopped(
                f"could not write {out}: {reason}. Nothing was left there; repeat the command."
            ) from error
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_zeros(run: Run) -> None:
    """Rejects a run whose model is not as sparse as its mask."""
    mask = run.mask()
    with safe_open(run.folder.model_weights, framework="pt") as file:
        for name in mask.names:
            if count := int(torch.count_nonzero(file.get_tensor(name)[~mask[name]])):
                raise Failed(
                    f"{count} weights of {name} that the mask of run {run.name} prunes are not zero in its "
                    "model. Delete the run's folder and make the run again."
                )


def _check_push(format: str, repository: str) -> None:
    if format != "hf":
        raise BadInput(
            f"only the format hf can be pushed, not {format}. Leave --push out, or use --format hf."
        )
    check_hub(repository)
