"""``python -m web.check``: look at everything, print what was found, exit with status 1 if anything needs action."""

import sys

from web.check.checks import main

if __name__ == "__main__":
    sys.exit(main())
