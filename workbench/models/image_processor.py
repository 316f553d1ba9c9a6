"""What a model makes of images before it sees them: size, crop and normalisation."""

from pathlib import Path
from typing import TYPE_CHECKING

from transformers import AutoConfig, PreTrainedConfig

from workbench.models.anatomy import RESNETS
from workbench.models.library import errors_as_bad_input, only_local, quiet
from workbench.models.location import UNTRAINED, locate
from workbench.tasks.images import DEVIATION, MEAN

if TYPE_CHECKING:
    from transformers import BaseImageProcessor

_FILE = "preprocessor_config.json"


def load_image_processor(model_id: str) -> "BaseImageProcessor":
    """The image processor that a model comes with, or one that follows from its configuration.

    The latter normalises with ImageNet's statistics. It resizes images to the configuration's `image_size`,
    and leaves those for a ResNet, which takes any size, as they are.

    Args:
        model_id: see `locate`.

    Returns:
        One that computes with Pillow, so that the same pixels result whether torchvision is installed or not.

    Raises:
        BadInput: preprocessor_config.json is damaged.
    """
    from transformers import AutoImageProcessor  # not needed by commands that read no images

    source = locate(model_id)
    if source in UNTRAINED or Path(source).is_file():
        return _plain(None)
    with quiet(), errors_as_bad_input(f"the image processor of model {model_id}"):
        try:
            return AutoImageProcessor.from_pretrained(source, backend="pil", local_files_only=only_local())
        except OSError:
            if (Path(source) / _FILE).is_file():
                raise
        return _plain(_image_size(source))


def _image_size(source: str) -> tuple[int, int] | None:
    plain, _ = PreTrainedConfig.get_config_dict(source, local_files_only=only_local())
    if plain.get("model_type") in RESNETS:
        return None
    size = getattr(AutoConfig.from_pretrained(source, local_files_only=only_local()), "image_size", None)
    return (size, size) if isinstance(size, int) else size and tuple(size)


def _plain(size: tuple[int, int] | None) -> "BaseImageProcessor":
    from transformers import ViTImageProcessorPil

    settings = {"do_resize": size is not None, "image_mean": list(MEAN), "image_std": list(DEVIATION)}
    if size is not None:
        settings["size"] = dict(zip(("height", "width"), size, strict=True))
    return ViTImageProcessorPil(**settings)
