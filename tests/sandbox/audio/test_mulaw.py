"""Mu-law against values of ITU-T G.711, table 2a, and against media's own table."""

from __future__ import annotations

import numpy as np
import pytest

from media.speech.audio import PCM
from sandbox.audio import mulaw

_CODES = bytes(range(256))


@pytest.mark.parametrize(
    ("code", "value"),  # the table counts in 14 bits; 16-bit samples are four times as large
    [(0x80, 8031), (0x8F, 4191), (0x9F, 2079), (0xFE, 2), (0xFF, 0), (0x7F, 0), (0x7E, -2), (0x00, -8031)],
)
def test_codes_decode_as_the_table_says(code: int, value: int) -> None:
    assert mulaw.decode(bytes([code])).tolist() == [4 * value]


def test_media_decodes_every_code_alike() -> None:
    assert mulaw.decode(_CODES).tolist() == list(PCM)


def test_louder_samples_never_get_quieter_codes() -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    heard = mulaw.decode(mulaw.encode(samples)).astype(np.int64)
    assert (np.diff(heard) >= 0).all()
    # The widest step is 1,024, cut off from 16 to 14 bits first: nothing is further off than half of it and 3.
    assert np.abs(heard - samples)[np.abs(samples.astype(np.int64)) < 32_124].max() <= 515


def test_codes_survive_the_way_through_pcm_but_for_the_second_zero() -> None:
    assert mulaw.encode(mulaw.decode(_CODES)) == _CODES.replace(b"\x7f", mulaw.SILENCE)


def test_sounds_add_up_and_are_clipped() -> None:
    one, other = (np.random.default_rng(seed).integers(0, 256, 800, np.uint8).tobytes() for seed in (1, 2))
    summed = mulaw.decode(one).astype(np.int64) + mulaw.decode(other)
    assert np.abs(summed).max() > 32767  # or nothing would be clipped
    assert mulaw.mixed(one, other) == mulaw.encode(np.clip(summed, -32768, 32767).astype(np.int16))
    assert mulaw.mixed(one) == one.replace(b"\x7f", mulaw.SILENCE)
