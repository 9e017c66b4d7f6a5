"""Every captured message has its truncated twin, and says where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captured.twins import cut, messages, twin


def test_there_is_no_twin_without_a_message() -> None:
    twins = {path for message in messages() for path in twin(message).parent.iterdir()}
    assert twins == {twin(message) for message in messages()}


@pytest.mark.parametrize("message", messages(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_message_has_its_truncated_twin_and_a_source(message: Path) -> None:
    assert twin(message).read_text() == cut(message), "python -m tests.captured.twins writes it"
    assert f"`{message.name}`" in (message.parent / "README.md").read_text()
