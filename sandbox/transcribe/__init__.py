"""Emulated Transcribe: `emulator` listens, `request` and `sigv4` check, `stream` answers by a recogniser."""
