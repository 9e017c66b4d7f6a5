"""Emulated Twilio: `emulator` wires `rest`, `phone` (calls and sound), `browser` (the Voice SDK) and `pages`."""
