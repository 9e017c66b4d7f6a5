"""What the processes say to each other: `tickets` (signed passes), in time also the messages on NATS. A leaf."""
