"""Check the custom vocabularies that numbers use as this process starts, and whenever a media node does.

Transcribe refuses a stream whose vocabulary is not usable; media then asks without it, so that words still come. An
operator should know before: a log line names each that is not ready, and a gauge counts them.
"""

from __future__ import annotations

import asyncio

import structlog
from prometheus_client import Gauge

from db.engine import Database, DatabaseUnavailableError
from db.queries.words.hearings import with_vocabulary
from protocol.messages import Vocabulary
from web.numbers.vocabularies import Vocabularies

SETTLE_SECONDS = 3.0  # nodes are started together
MOST_NODES = 10_000  # that are remembered; each start is a new one

_log = structlog.get_logger(__name__)
_unusable = Gauge("bilby_web_vocabularies_unusable", "Custom vocabularies in use that are not ready at Transcribe.")


class VocabularyWatch:
    """Checks vocabularies when media nodes start; `run` it in a task of its own.

    ``settle``: seconds to wait for further nodes.
    """

    def __init__(self, database: Database, vocabularies: Vocabularies, settle: float = SETTLE_SECONDS) -> None:
        self._database = database
        self._vocabularies = vocabularies
        self._settle = settle
        self._nodes: set[str] = set()
        self._is_due = asyncio.Event()

    def alive(self, node: str) -> None:
        """Note a media node's sign of life: its first one is a start."""
        if node not in self._nodes:
            if len(self._nodes) == MOST_NODES:
                self._nodes.clear()
            self._nodes.add(node)
            self._is_due.set()

    async def run(self) -> None:
        """Check after every start, until cancelled."""
        while True:
            await self._is_due.wait()
            await asyncio.sleep(self._settle)
            self._is_due.clear()
            try:
                await self.check()
            except DatabaseUnavailableError:
                _log.warning("vocabularies not checked")

    async def check(self) -> None:
        """Ask for all that are in use, and say which are not ready."""
        async with self._database.begin() as session:
            used = await with_vocabulary(session)
        wanted = {Vocabulary(each.vocabulary, each.language) for each in used if each.vocabulary and each.language}
        found = await self._vocabularies.states(wanted)
        wrong = {vocabulary: state for vocabulary, state in found.items() if state != "ready"}
        _unusable.set(len(wrong))
        for vocabulary, state in wrong.items():
            _log.warning("vocabulary not ready", name=vocabulary.name, language=vocabulary.language, state=state)
