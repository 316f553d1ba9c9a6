"""Whether the Hugging Face Hub can be reached, asked once.

The Hub's own libraries try again for 20 to 50 seconds before they give up. One short connection
tells us first, so that a missing network is reported at once.
"""

import socket
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

TIMEOUT_SECONDS = 3.0


def offline() -> bool:
    """Whether HF_HUB_OFFLINE is set: the Hub's libraries then serve their cache or fail, at once."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


@cache
def hub_unreachable() -> str | None:
    """Why the Hub cannot be asked, or None where it can; connects at most once in a process.

    Honours HF_HUB_OFFLINE, HF_ENDPOINT and the proxy variables. A file that is already in the local
    cache is still served while `offline()` holds, so a caller may try that first.
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
    """Host and port that a request to `endpoint` connects to first: its proxy where there is one."""
    parts = urlsplit(endpoint)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
