"""All that Bilby's processes import: what `forked` forks from."""

from __future__ import annotations

from runtime import garbage

garbage.pause()  # before the imports below

import media.__main__
import provisioning.__main__
import tests.kit.machines.quick_web
import tests.kit.machines.quick_worker
import web.__main__

__all__ = ["media", "provisioning", "tests", "web"]

garbage.tune()  # what is imported is shared with all who are forked
garbage.pause()
