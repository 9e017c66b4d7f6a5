"""How any process starts: `settings` reads the environment. A leaf: it imports nothing of ours."""
