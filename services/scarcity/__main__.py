"""`python -m scarcity` is `scarcity`."""

import sys

from scarcity.cli import main

sys.exit(main())
