"""The telephone network: legs, TwiML, streams."""
