"""`clinic`: many stations, one PostgreSQL (extra `clinic`)."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from estim.cli.output import EXIT_REFUSED, decimal_number, home_of, print_json
from estim.cli.speaking import say

if TYPE_CHECKING:
    from estim.records.home import Home

URL = "ESTIM_CLINIC_URL"
WAIT_MAX_S = 300.0


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """Everything below `estim clinic`."""
    actions = commands.add_parser("clinic").add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("schema", help="SQL for tables, roles and row policies, to be run once by an administrator")
    push = actions.add_parser("push", parents=[home], help="send this station's whole records")
    push.add_argument("--simulated", action="store_true", help="the simulated ones instead")
    push.add_argument(
        "--watch", type=decimal_number, metavar="SECONDS", help="again and again; waits longer while nobody answers"
    )
    check = actions.add_parser("check", parents=[home], help="verify what arrived, at the receiving end")
    check.add_argument("--again", action="store_true", help="also what was verified before")
    for one in (push, check):
        one.add_argument(
            "--url", default="", help=f"postgresql://user@host/database (or {URL}); a password in ~/.pgpass"
        )


def schema(given: argparse.Namespace) -> int:  # noqa: ARG001
    """The SQL."""
    _needed()
    from estim.records.clinic_schema import schema_sql

    sys.stdout.write(schema_sql())
    return 0


def push(given: argparse.Namespace) -> int:
    """Send what is whole here and not there yet. Never part of a running session."""
    _needed()
    from estim.safety.errors import RecordError

    wait_s = given.watch
    while True:
        try:
            code = _push_once(home_of(given), given)
            wait_s = given.watch
        except RecordError as error:
            if given.watch is None:
                raise
            say(str(error))
            code, wait_s = 0, min(WAIT_MAX_S, wait_s * 2)
        if given.watch is None or code:
            return code
        time.sleep(wait_s)


def _push_once(home: Home, given: argparse.Namespace) -> int:
    from dataclasses import asdict

    from estim.records.clinic_push import push as push_all

    done = push_all(home, _url(given), simulated=given.simulated)
    if given.json:
        print_json(asdict(done))
    else:
        print(f"{done.sessions} sessions sent, {done.waiting} not finished yet")
        for name in done.differs:
            print(f"DIFFERS from what arrived before: {name}")
    return EXIT_REFUSED if done.differs else 0


def check(given: argparse.Namespace) -> int:
    """Verify what arrived: 0 if all of it is what a station wrote, and nothing is missing."""
    _needed()
    from dataclasses import asdict

    from estim.records.clinic_check import check as check_all

    done = check_all(_url(given), again=given.again)
    if given.json:
        print_json(asdict(done))
    else:
        print(
            f"{done.sessions} sessions verified, {len(done.bad)} bad, {len(done.missing)} missing, "
            f"{len(done.waiting)} on their way"
        )
        for name, reason in done.bad:
            print(f"BAD {name}: {reason}")
        for name in done.missing:
            print(f"MISSING {name}: its station's chain names it, and it has not come")
        for name in done.waiting:
            print(f"on its way: {name}")
    return EXIT_REFUSED if done.bad or done.missing else 0


def _url(given: argparse.Namespace) -> str:
    from estim.safety.errors import UsageError

    url = given.url or os.environ.get(URL, "")
    if not url.startswith("postgresql://"):
        raise UsageError(f"--url or {URL}: postgresql://user@host/database")
    address = urlsplit(str(url))
    here = (address.hostname or "") in {"", "localhost", "127.0.0.1", "::1"}
    if not here and "sslmode" not in parse_qs(address.query) and not os.environ.get("PGSSLMODE"):
        raise UsageError(
            f"{address.hostname} is another machine; is the connection encrypted, and who answers there? "
            "Add ?sslmode=verify-full&sslrootcert=FILE (sslmode=disable says that the network itself is private)"
        )
    return str(url)


def _needed() -> None:
    """The extra's libraries."""
    from importlib.util import find_spec

    from estim.platform.extras import how_to_get
    from estim.safety.errors import UsageError

    if find_spec("sqlalchemy") is None or find_spec("psycopg") is None:
        raise UsageError(f"the clinic's database needs SQLAlchemy and psycopg: {how_to_get('clinic')}")


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = MappingProxyType(
    {"clinic_schema": schema, "clinic_push": push, "clinic_check": check}
)
