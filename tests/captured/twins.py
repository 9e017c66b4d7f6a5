"""Keep a truncated twin of every captured message: what came of it before the connection broke.

``python -m tests.captured.twins`` writes them: of ``aws/error.hex`` the file ``aws/truncated/error.hex``, and so on.
A twin is the first two thirds of the message, whole bytes, as its file has it.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent
_KINDS = {".json", ".form", ".hex"}
_NO_MESSAGES = {"service_model.json", "signed_example.json"}  # what messages are compared with


def messages() -> list[Path]:
    """Return the files of all valid messages."""
    files = (path for path in _FOLDER.glob("*/*") if path.suffix in _KINDS and path.name not in _NO_MESSAGES)
    return sorted(path for path in files if not path.name.endswith(".broken.hex"))


def twin(message: Path) -> Path:
    """Return where the truncated twin of ``message`` lies."""
    return message.parent / "truncated" / message.name


def cut(message: Path) -> str:
    """Return what its truncated twin has to contain."""
    text = message.read_text().strip()
    kept = len(text) * 2 // 3
    return text[: kept - kept % 2] if message.suffix == ".hex" else text[:kept]


def _write() -> None:
    for message in messages():
        twin(message).parent.mkdir(exist_ok=True)
        twin(message).write_text(cut(message))


if __name__ == "__main__":
    _write()
