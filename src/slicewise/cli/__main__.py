"""``python -m slicewise.cli``."""

from slicewise.cli import main

main()
