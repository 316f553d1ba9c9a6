"""Checks once whether the Hugging Face Hub can be reached.

The Hub's own libraries retry for 20 to 50 seconds before they give up. Opening one short connection first
means that a missing network is reported at once.
"""

import socket
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

TIMEOUT_SECONDS = 3.0


def offline() -> bool:
    """Whether HF_HUB_OFFLINE is set; the Hub's libraries then use their cache or fail immediately."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


@cache
def hub_unreachable() -> str | None:
    """Why the Hub cannot be reached, or None if it can; connects at most once per process.

    Respects HF_HUB_OFFLINE, HF_ENDPOINT and the proxy variables. Files in the local cache are available even
    if `offline()` is true, so callers may try those first.
    """
    from huggingface_hub import constants

    if offline():
        return "HF_HUB_OFFLINE is set"
    host, port = _first_hop(constants.ENDPOINT)
    try:
        socket.create_connection((host, port), timeout=TIMEOUT_SECONDS).close()
    except OSError as error:
        return f"no connection to {host}:{port} ({error})"
    return None


def _first_hop(endpoint: str) -> tuple[str, int]:
    """Host and port that a request to `endpoint` connects to first: the proxy, if there is one."""
    parts = urlsplit(endpoint)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
