"""What a demo shows in the terminal: who may sign in, and one line that tells how the town is."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Final

from tocsin.app.demo_client import Staff
from tocsin.app.demo_town import DemoTown

LINE_EVERY_S: Final = 5.0
"""Between two lines where the terminal cannot overwrite one."""
ASK: Final = """\
What to try:
  {address}/console                     the screens of staff
  {address}/                            the pages of residents
  {address}/api/openapi.json            the API, with examples
  {address}/open311/v2/services.json    what residents can report
  {address}/open311/v2/requests.json    what the public may see
  {address}/health/ready, /metrics      how the node is

What to look at, signed in as {chief} or {desk}:
  {address}/console/board        alarms stand over the cases: g a, then j k, a, h, v; g d: devices
                                 A school begins a drill after some minutes of town time: see the
                                 band over every page. The block's gateway dies; its 24 detectors
                                 are one case. The river rises; a camera falls out of order.
  {address}/console/tests        which button was not tested, which did not answer (g t)
  {address}/console/scorecard    how good the alarms are, and which devices make too many (g q)
  {address}/console/roster       who is planned, one unit missing, one not signed off (g r)
  {address}/console/wall         numbers that open, the last day to replay (g w)
Devices have pages of their own: choose one on the map, or o in the alarms. 中文: the button 文.
Ctrl-C ends the day: a minute at most to settle, then it is counted. Twice counts at once.
"""


class Screen:
    """Progress on standard output, in place on a terminal."""

    def __init__(self, town: DemoTown, is_tty: bool) -> None:
        self._town = town
        self._is_tty = is_tty
        self._shown_at = -LINE_EVERY_S

    def greet(self, address: str, staff: Staff, password: str) -> None:
        """The address, and accounts that exist for this demo only."""
        print(f"A town lives at {address}")
        print(f"Accounts, for this demo only; the password of all is: {password}")
        for person in (staff.admin, *staff.people):
            print(f"  {person.login:<32} {person.role or 'administrator'}")
        logins = {person.role: person.login for person in reversed(staff.people)}
        chief, desk = logins.get("supervisor", "?"), logins.get("dispatcher", "?")
        print(ASK.format(address=address, chief=chief, desk=desk), flush=True)

    def show(self, stage: str, *, last: bool = False) -> None:
        """One line, or nothing when the last one is fresh."""
        now = time.monotonic()
        if not self._is_tty and not last and now - self._shown_at < LINE_EVERY_S:
            return
        self._shown_at = now
        parts = self._parts(stage)
        if self._is_tty:
            # A line that wraps is not overwritten by the next one.
            room = shutil.get_terminal_size().columns
            while len("  ".join(parts)) >= room and len(parts) > 1:
                parts.pop()
            sys.stdout.write(f"\r{'  '.join(parts)}\x1b[K" + ("\n" if last else ""))
        else:
            sys.stdout.write("  ".join(parts) + "\n")
        sys.stdout.flush()

    def _parts(self, stage: str) -> list[str]:
        """What is told, the most telling first."""
        town = self._town
        statuses = [case.status for _, case in town.board.values()]
        missed = sum(case.counts.missed for _, case in town.board.values())
        is_open = sum(case.is_open for _, case in town.board.values())
        late = sum(any(clock.missed for clock in case.clocks) for _, case in town.board.values())
        local = town.clock.now().astimezone(town.zone)
        return [
            f"{local:%a %H:%M}",
            f"({stage})",
            f"{len(town.receipts)} reports",
            f"{is_open} open",
            f"{missed} escalated",
            f"{late} late",
            f"{statuses.count('verified')} verified",
            f"{statuses.count('merged')} merged",
        ]
