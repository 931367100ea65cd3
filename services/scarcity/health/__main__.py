"""`python -m scarcity.health` is `scarcity health`, started in a third of its time."""

import sys

from scarcity.health.commands import main

sys.exit(main())
