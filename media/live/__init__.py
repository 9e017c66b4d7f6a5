"""Words to consoles: `transcript` is what a console knows, `hub` tells the consoles here, `bus` the other nodes."""
