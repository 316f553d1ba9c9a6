"""How we call the transformers library: silently, without waiting for the Hub, and with readable errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import BadInput
from workbench.hub import hub_unreachable


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the library from warning about a fresh head and from showing progress bars."""
    import transformers

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


def only_local() -> bool:
    """Whether the library should not try the Hub; without a network it would retry many times."""
    return hub_unreachable() is not None


@contextmanager
def errors_as_bad_input(subject: str) -> Iterator[None]:
    """Turns the library's many error types for a bad checkpoint into one sentence."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise BadInput(
            f"{subject} does not load: {reason}. It must be a complete checkpoint of an encoder or a ResNet "
            "(config.json, model.safetensors, and for text a tokenizer). Download it again."
        ) from error
