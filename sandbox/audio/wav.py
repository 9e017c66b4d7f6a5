"""A WAV file as telephone sound: any rate, 8 to 32 bit PCM, one or two channels, to 8 kHz mu-law tracks.

Source: Microsoft's RIFF WAVE; 8-bit samples are unsigned, wider ones signed, little endian.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sandbox.audio import mulaw

MOST_SECONDS = 2 * 3600
_PCM, _EXTENSIBLE = 1, 0xFFFE
_NAMES = {2: "ADPCM", 3: "floating point", 6: "A-law", 7: "mu-law", 85: "MP3"}
_RATES = range(1000, 384_001)
_ZEROS = 16  # of the resampler's kernel, on each side
_CHUNK = 4096  # samples resampled at once: bounds the memory

Samples: TypeAlias = NDArray[np.float64]  # -1 to 1


class WavError(ValueError):
    """The file can not be played; its text says why, fit for the one who chose the file."""


def tracks(content: bytes) -> list[bytes]:
    """Return the channels of a WAV file, one or two, each in 8 kHz mu-law. Raise `WavError`."""
    form, sound = _chunks(content)
    channels, rate, width = _form(form)
    samples = _samples(sound, channels, width)
    if not len(samples):
        raise WavError("the file holds no sound")
    if len(samples) > MOST_SECONDS * rate:
        raise WavError(f"the file is longer than {MOST_SECONDS // 3600} hours")
    return [_telephone(samples[:, channel], rate) for channel in range(channels)]


def _chunks(content: bytes) -> tuple[bytes, bytes]:
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise WavError("this is not a WAV file")
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        found.setdefault(name, content[at + 8 : at + 8 + size])  # a recorder cut short may claim more than there is
        at += 8 + size + size % 2
    if b"fmt " not in found or b"data" not in found:
        raise WavError("the file has no format or no sound: it may be cut off")
    return found[b"fmt "], found[b"data"]


def _form(form: bytes) -> tuple[int, int, int]:
    """Return channels, samples a second, bytes a sample."""
    if len(form) < 16:
        raise WavError("the file's format is cut off")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if kind == _EXTENSIBLE and len(form) >= 26:
        (kind,) = struct.unpack_from("<H", form, 24)
    if kind != _PCM:
        raise WavError(f"the file holds {_NAMES.get(kind, f'format {kind}')}, not PCM: save it as 16-bit PCM")
    if channels not in (1, 2):
        raise WavError(f"the file has {channels} channels: one (the caller) or two (caller, agent) can be played")
    if bits not in (8, 16, 24, 32) or rate not in _RATES:
        raise WavError(f"{bits} bits at {rate} Hz can not be played")
    return channels, rate, bits // 8


def _samples(sound: bytes, channels: int, width: int) -> Samples:
    whole = len(sound) - len(sound) % (channels * width)
    raw = np.frombuffer(sound[:whole], np.uint8).reshape(-1, width)
    if width == 1:
        return ((raw.astype(np.float64) - 128) / 128).reshape(-1, channels)
    wide = np.zeros((len(raw), 4), np.uint8)
    wide[:, 4 - width :] = raw  # the highest bytes of 32 bits
    return (wide.view("<i4").astype(np.float64) / 2**31).reshape(-1, channels)


def _telephone(samples: Samples, rate: int) -> bytes:
    at_8k = samples if rate == mulaw.RATE else resample(samples, rate)
    return mulaw.encode(np.clip(np.rint(at_8k * 32768), -32768, 32767).astype(np.int16))


def resample(samples: Samples, rate: int) -> Samples:
    """Return ``samples`` at ``rate`` Hz as they are at 8 kHz: a windowed sinc lets nothing above 4 kHz fold down."""
    ratio = rate / mulaw.RATE
    cutoff = min(1.0, 0.95 / ratio)  # of the input's own Nyquist frequency
    reach = int(np.ceil(_ZEROS / cutoff))
    taps = np.arange(-reach + 1, reach + 1)
    padded = np.concatenate([np.zeros(reach), samples, np.zeros(reach + 1)])
    wanted: Samples = np.arange(round(len(samples) / ratio), dtype=np.float64) * ratio
    pieces = (wanted[first : first + _CHUNK] for first in range(0, len(wanted), _CHUNK))
    return np.concatenate([_interpolated(padded, piece, taps, cutoff, reach) for piece in pieces] or [wanted])


def _interpolated(padded: Samples, wanted: Samples, taps: NDArray[np.int64], cutoff: float, reach: int) -> Samples:
    base = np.floor(wanted).astype(np.int64)
    distance = taps[None, :] - (wanted - base)[:, None]
    window = np.cos(np.clip(distance / reach, -1, 1) * np.pi / 2) ** 2
    kernel = cutoff * np.sinc(cutoff * distance) * window
    near = np.clip(base[:, None] + taps[None, :] + reach, 0, len(padded) - 1)
    return np.asarray((padded[near] * kernel).sum(axis=1))
