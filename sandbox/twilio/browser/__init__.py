"""What the Voice SDK talks to, and the SDK itself."""
