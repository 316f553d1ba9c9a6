import pytest
from huggingface_hub import constants

from workbench import hub


@pytest.fixture
def connections(monkeypatch):
    """The addresses that `hub` tried to reach, without success."""
    attempts = []

    def refuse(address, timeout):
        attempts.append((address, timeout))
        raise OSError("no route")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.example")
    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setattr(hub.socket, "create_connection", refuse)
    hub.hub_unreachable.cache_clear()
    yield attempts
    hub.hub_unreachable.cache_clear()


def test_a_refused_connection_is_reported_and_tried_once(connections):
    assert "hub.example:443" in hub.hub_unreachable()
    assert "no route" in hub.hub_unreachable()
    assert connections == [(("hub.example", 443), hub.TIMEOUT_SECONDS)]


def test_a_working_connection_gives_no_reason(connections, monkeypatch):
    class Socket:
        def close(self):
            connections.append("closed")

    monkeypatch.setattr(hub.socket, "create_connection", lambda address, timeout: Socket())
    assert hub.hub_unreachable() is None
    assert connections == ["closed"]


def test_offline_is_a_reason_without_a_connection(connections, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.offline()
    assert "HF_HUB_OFFLINE" in hub.hub_unreachable()
    assert connections == []


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "proxy.example:3128"])
def test_a_proxy_is_contacted_instead(connections, monkeypatch, proxy):
    monkeypatch.setattr(hub, "getproxies", lambda: {"https": proxy})
    monkeypatch.setattr(hub, "proxy_bypass", lambda host: False)
    assert "proxy.example:3128" in hub.hub_unreachable()
