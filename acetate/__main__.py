"""`python -m acetate`."""

import sys

from acetate.cli.main import main

sys.exit(main())
