"""Mu-law against values of ITU-T G.711, table 2a, and against media's own table."""

from __future__ import annotations

import numpy as np
import pytest

from media.audio import PCM
from sandbox import mulaw

_CODES = bytes(range(256))


@pytest.mark.parametrize(
    ("code", "value"),  # the table counts in 14 bits; 16-bit samples are four times as large
    [(0x80, 8031), (0x8F, 4191), (0x9F, 2079), (0xFE, 2), (0xFF, 0), (0x7F, 0), (0x7E, -2), (0x00, -8031)],
)
def test_codes_decode_as_the_table_says(code: int, value: int) -> None:
    assert mulaw.decode(bytes([code])).tolist() == [4 * value]


def test_media_decodes_every_code_alike() -> None:
    assert mulaw.decode(_CODES).tobytes() == PCM.tobytes()


def test_every_sample_is_given_the_code_next_to_it() -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    steps = np.unique(PCM.astype(np.int64))
    worst = np.abs(samples.astype(np.int64)[:, None] - steps[None, :]).min(axis=1)
    errors = np.abs(mulaw.decode(mulaw.encode(samples)).astype(np.int64) - samples)
    # An encoder that truncates, as most do, may be one 14-bit step worse than the nearest code.
    assert (errors <= worst + 4).all()


def test_codes_survive_the_way_through_pcm_but_for_the_second_zero() -> None:
    assert mulaw.encode(mulaw.decode(_CODES)) == _CODES.replace(b"\x7f", mulaw.SILENCE)
