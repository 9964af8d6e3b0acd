"""Who may talk to the page: this computer's browser on this page, and nobody's other site."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from tests.bot.web_shop import TOKEN, SmallShop, open_shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SmallShop]:
    async with open_shop(tmp_path / "uploads") as shop:
        yield shop


@pytest.fixture
async def client(shop: SmallShop) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(shop.web.url, headers={"Origin": shop.web.url}) as client:
        yield client


async def test_other_sites_and_names_are_kept_out(shop: SmallShop, client: aiohttp.ClientSession) -> None:
    port = shop.web.url.rpartition(":")[2]
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{port}"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
    ):
        async with client.get("/", headers=headers) as response:
            assert response.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect("/ws", headers=headers)
        assert refused.value.status == 403
    local = f"http://localhost:{port}"
    async with client.get("/", headers={"Host": f"localhost:{port}", "Origin": local}) as response:
        assert response.status == 200


async def test_no_form_of_another_site_reaches_the_bot(
    shop: SmallShop, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Even with the token: a browser says where a form came from, and no page of another site may read an answer."""
    where = {"id": str(uuid4()), "chat": "group", "seat": "alex"}
    headers = {"Authorization": f"Bearer {TOKEN}", "Origin": "https://evil.example"}
    data = aiohttp.FormData()
    data.add_field("file", b"title,price\nTeapot,68\n", filename="a.csv")
    async with client.post("/upload", data=data, params=where, headers=headers) as response:
        assert response.status == 403
    assert not (tmp_path / "uploads").exists()
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with client.options("/upload", headers=asked) as response:
        assert response.status == 403
    for path in ("/", "/static/page.js", "/nothing"):
        async with client.get(path) as response:
            assert not [name for name in response.headers if name.lower().startswith("access-control")]
            assert "Set-Cookie" not in response.headers  # nothing that a browser would send along by itself


async def test_the_token_counts_in_a_frame_only(shop: SmallShop, client: aiohttp.ClientSession) -> None:
    """Addresses and headers end up in logs and histories."""
    address = f"/ws?seat=alex&token={TOKEN}"
    socket = await client.ws_connect(address, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (await socket.receive_json())["type"] == "hello"
    await socket.send_json({"type": "seat", "seat": "alex"})
    assert (await socket.receive_json())["reason"] == "token"
    await socket.send_json({"type": "seat", "seat": "alex", "token": TOKEN})
    assert (await socket.receive_json())["type"] == "seated"


async def test_pages_come_with_security_headers(client: aiohttp.ClientSession) -> None:
    for path in ("/", "/static/page.js", "/healthz", "/nothing"):
        async with client.get(path) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
    async with client.get("/healthz") as response:
        assert await response.text() == "ok\n"
