"""Mu-law against the standard library's G.711, as long as there is one."""

from __future__ import annotations

import warnings

import numpy as np

from sandbox import mulaw

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # until 3.12 it warns, from 3.13 on it is audioop-lts
    import audioop

_CODES = bytes(range(256))
_SAMPLES = np.arange(-32768, 32768).astype("<i2")


def test_every_code_decodes_as_g711_says() -> None:
    assert mulaw.decode(_CODES).tobytes() == audioop.ulaw2lin(_CODES, 2)


def test_every_sample_encodes_as_g711_says() -> None:
    assert mulaw.encode(_SAMPLES) == audioop.lin2ulaw(_SAMPLES.tobytes(), 2)


def test_codes_survive_the_way_through_pcm_but_for_the_second_zero() -> None:
    assert mulaw.encode(mulaw.decode(_CODES)) == _CODES.replace(b"\x7f", mulaw.SILENCE)
