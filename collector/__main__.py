"""`python -m collector` is `joulefit-collector`."""

import sys

from collector.cli import main

sys.exit(main())
