"""Every series that the code can name is exported from the start, at 0, so that its first burst is an increase."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from prometheus_client.parser import text_string_to_metric_families

from media.live.transcript import Cause

ROOT = Path(__file__).parents[2]
COUNTERS = {
    "BAD_FRAMES": "bilby_bad_frames",
    "GAPS": "bilby_gaps",
    "REFUSED": "bilby_refused",
    "TRANSCRIBE_FAILURES": "bilby_transcribe_failures",
}


def at_start() -> set[tuple[str, ...]]:
    """The labelled counters of a process that has done nothing: (name, label values in the order of their names)."""
    code = "from media import metrics; print(metrics.render().decode())"
    text = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {
        (sample.name.removesuffix("_total"), *(value for _, value in sorted(sample.labels.items())))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.type == "counter" and sample.name.endswith("_total") and sample.labels and sample.value == 0
    }


def named_in_the_code() -> Iterator[tuple[str, ...]]:
    """What `labels(...)`, `FrameError(...)` and `TranscribeError(...)` are called with, where it is constant."""
    for path in (ROOT / "media").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            values = [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
            if not values or len(values) != len(node.args):
                continue
            function = ast.unparse(node.func)
            counter = function.removeprefix("metrics.").removesuffix(".labels")
            if counter in COUNTERS and function.endswith(".labels"):
                yield (COUNTERS[counter], *values)
            elif function == "FrameError":
                yield ("bilby_bad_frames", *values)
            elif function == "TranscribeError":
                yield ("bilby_transcribe_failures", *values)


def test_every_series_that_the_code_names_is_there_from_the_start() -> None:
    there, named = at_start(), set(named_in_the_code())
    assert len(named) >= 15
    assert named - there == set()
    assert {("bilby_gaps", cause) for cause in get_args(Cause)} <= there
    assert {("bilby_bad_frames", f"bad_{event}") for event in ("media", "start", "stop")} <= there
