"""``python -m web.check``: run all checks, print the results, exit with status 1 if anything needs action."""

import sys

from web.check.checks import main

if __name__ == "__main__":
    sys.exit(main())
