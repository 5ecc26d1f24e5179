"""Secrets that entries of MCP servers refer to are kept where nobody else reads them."""

from __future__ import annotations

import stat

import pytest

from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.mcp import secrets


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


def test_without_a_keyring_a_secret_is_in_a_file_that_only_its_owner_can_read() -> None:
    assert secrets.read("mcp.github.token") is None
    assert secrets.keep("mcp.github.token", "open-sesame-42") == str(secrets.secrets_file())
    assert secrets.read("mcp.github.token") == "open-sesame-42"
    assert stat.S_IMODE(secrets.secrets_file().stat().st_mode) == 0o600
    secrets.keep("mcp.github.token", "another-one")
    assert secrets.read("mcp.github.token") == "another-one"
    secrets.drop("mcp.github.token")
    secrets.drop("mcp.github.token")
    assert secrets.read("mcp.github.token") is None


def test_a_file_that_others_can_read_is_not_used() -> None:
    secrets.keep("one", "open-sesame-42")
    secrets.secrets_file().chmod(0o644)
    with pytest.raises(CredentialsError, match="others on this machine may read it") as caught:
        secrets.read("one")
    assert "sesame" not in caught.value.message


def test_a_damaged_file_is_named() -> None:
    secrets.keep("one", "open-sesame-42")
    secrets.secrets_file().write_text("[3]")
    with pytest.raises(CredentialsError, match=r"mcp-secrets\.json is damaged"):
        secrets.read("one")
