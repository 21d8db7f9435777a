"""python -m examples.demo: play one flight to a model with a sidecar before it, and show what that sees."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import NoReturn

from examples.demo.findings import findings
from examples.demo.player import Player
from examples.demo.programme import programme
from examples.demo.screen import Screen, screen
from examples.demo.stage import stage
from examples.flight import flight
from examples.processes import NotStarted

LEARN_ROWS = 2000
"""Of 500 draws of 1,000 rows 2.4 % made a baseline that misses more than a tenth of the outliers, because too
few are left to calibrate by; of 400 draws of 2,000 one did. With 3,000 the outliers are drift, too."""


LATENCY_ROWS = 500
"""Ordinary rows that nothing else is played with: a row that came twice would look like many of a kind."""


def main() -> int:
    """The exit status: 0 when everything was seen, 1 when not, 130 after Ctrl-C."""
    options = _arguments()
    signal.signal(signal.SIGTERM, _terminated)
    shown = screen()
    try:
        return _chain(options) if options.chain else _run(options, shown)
    except NotStarted as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shown.close()


def _run(options: argparse.Namespace, shown: Screen) -> int:
    data, learn = flight(), options.learn_rows if options.learn else 0
    shown.say("One Space Shuttle flight; the model was shipped in the middle of it.")
    with stage(data, learn, shown.say) as set_:
        player = Player(set_, programme(data, options.learn), options.rate, shown)
        player.play(until="drifted")
        latency = player.latency(data.clean[-LATENCY_ROWS:])  # before the drift, which stays to be looked at
        found = findings(player.play(), latency, player.traces(), player.pages())
        shown.summary(found)
        if not all(finding.holds for finding in found):
            print(f"The sidecar's last words:\n{set_.sidecar.process.last_words(5)}", file=sys.stderr)
        shown.say(f"\nAdmin page: {set_.sidecar.admin_url}/")
        if not options.once:
            shown.say("It stays up until Ctrl-C.")
            while set_.sidecar.process.running:
                time.sleep(0.5)
    return 0 if all(finding.holds for finding in found) else 1


def _chain(options: argparse.Namespace) -> int:
    """Three models that feed each other, of which the first one gets a new version."""
    from examples.chain.__main__ import run

    return 0 if run("words", keep=not options.once) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__.partition(": ")[2])
    parser.add_argument(
        "--once", action="store_true", help="exit after the summary; status 0 if all was seen"
    )
    parser.add_argument(
        "--chain", action="store_true", help="three models that feed each other instead, one of them changed"
    )
    parser.add_argument(
        "--learn", action="store_true", help="start without a baseline and learn one from the first calls"
    )
    parser.add_argument(
        "--learn-rows", type=int, default=LEARN_ROWS, metavar="N", help="rows to learn from (%(default)s)"
    )
    parser.add_argument("--rate", type=float, default=200.0, metavar="N", help="calls a second (%(default)s)")
    return parser.parse_args()


def _terminated(number: int, frame: object) -> NoReturn:
    """SIGTERM ends the demo as Ctrl-C does, so that nothing it started is left behind."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
