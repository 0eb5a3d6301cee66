"""``python -m tidewright.exchange``: as ``tidewright exchange``."""

import sys

from tidewright.exchange.command import exchange

if __name__ == "__main__":
    sys.exit(exchange(prog_name="tidewright exchange"))
