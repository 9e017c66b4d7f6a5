"""Which Voice SDK a page loads, and that our copy is Twilio's own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.config import Settings
from web.console import voice_sdk
from web.request.render import STATIC
from web.request.static_files.files import StaticFiles

INTEGRITY = f"sha384-{'A' * 64}"
COPY = STATIC / voice_sdk.COPY


def test_our_copy_is_the_one_that_the_page_asks_for() -> None:
    digest = base64.b64encode(hashlib.sha384(COPY.read_bytes()).digest()).decode()
    assert f"sha384-{digest}" == voice_sdk.COPY_INTEGRITY
    assert f'RELEASE_VERSION="{voice_sdk.VERSION}"' in COPY.read_text()


def test_its_licences_lie_beside_it() -> None:
    folder = COPY.parent
    assert voice_sdk.VERSION in (folder / "README.txt").read_text()
    assert "Twilio, inc" in (folder / "twilio.LICENSE.txt").read_text()
    assert "Version 2.0, January 2004" in (folder / "APACHE-2.0.txt").read_text()


@pytest.mark.slow
def test_our_copy_is_what_npm_has(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("there is no npm here")
    package = f"@twilio/voice-sdk@{voice_sdk.VERSION}"
    packed = subprocess.run(
        ["npm", "pack", "--json", package], cwd=tmp_path, capture_output=True, check=False, timeout=280
    )
    if packed.returncode:
        pytest.skip("npm reaches no registry")
    with tarfile.open(tmp_path / Path(json.loads(packed.stdout)[0]["filename"]).name) as archive:
        file = archive.extractfile("package/dist/twilio.min.js")
        assert file is not None
        assert file.read() == COPY.read_bytes()


def test_another_one_is_named_with_its_hash(settings: Settings) -> None:
    files = StaticFiles(STATIC)
    own = voice_sdk.voice_sdk(settings, files)
    assert own == voice_sdk.VoiceSdk(f"/static/{files.hash}/vendor/twilio.min.js", voice_sdk.COPY_INTEGRITY)
    given = {"voice_sdk_url": "https://cdn.example.com.au/twilio.js", "voice_sdk_integrity": INTEGRITY}
    foreign = voice_sdk.voice_sdk(settings.model_copy(update=given), files)
    assert foreign == voice_sdk.VoiceSdk("https://cdn.example.com.au/twilio.js", INTEGRITY)


async def test_pages_with_a_phone_load_our_copy(cast: Cast, browser: Callable[[], Browser]) -> None:
    bob = await browser().sign_in(cast.bob)
    page = await (await bob.get("/console")).text()
    found = re.search('data-voice-sdk-url="([^"]+)" data-voice-sdk-integrity="([^"]+)"', page)
    assert found is not None
    assert found[2] == voice_sdk.COPY_INTEGRITY
    served = await bob.get(found[1])
    assert (served.status, await served.text()) == (200, COPY.read_text())
    sounds = found[1].replace(voice_sdk.COPY, "sounds/incoming.wav")
    assert (await bob.get(sounds)).headers["Content-Type"] == "audio/wav"
