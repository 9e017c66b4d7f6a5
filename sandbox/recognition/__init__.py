"""What hears in the sandbox, for `sandbox.transcribe`: `recogniser` is the port, `choice` says who fills it here."""
