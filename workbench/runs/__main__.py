"""`python -m workbench.runs SPEC STORE` carries out one run (`worker.py`)."""

import sys

from workbench.runs.worker import main

raise SystemExit(main(sys.argv[1:]))
