"""The process in which pocketsphinx listens: ``python -m sandbox.recognition.sphinx.worker LANGUAGE DICTIONARY``."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.recognition import pipe
from sandbox.recognition.sphinx.listener import SphinxListener


def main() -> None:
    """Answer whoever started us, until the requests end."""
    requests, answers = pipe.ends()
    language, dictionary = map(Path, sys.argv[1:3])
    SphinxListener(language, dictionary, rate=8000)  # so that a broken model shows now, and the files are cached
    pipe.serve(requests, answers, lambda rate: SphinxListener(language, dictionary, rate))


if __name__ == "__main__":
    main()
