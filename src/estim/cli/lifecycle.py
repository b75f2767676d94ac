"""`records backup|restore|archive|migrate`: the life of a home."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from estim.cli.output import EXIT_REFUSED, home_of, print_json
from estim.cli.secret import login


def backup(given: argparse.Namespace) -> int:
    """Everything of the home in one file."""
    from estim.records.lifecycle import backup as make

    done = make(home_of(given).root, Path(given.output), with_key=not given.without_key)
    if given.json:
        print_json({"file": given.output, "files": done.files, "bytes": done.size, "anchor": done.anchor})
        return 0
    print(f"{given.output}: {done.files} files, {done.size / 1e6:.1f} MB before compression")
    print("Keep it, and this anchor, where the home is not:")
    print(done.anchor)
    return 0


def forget(given: argparse.Namespace) -> int:
    """A person is erased: an administrator, with a reason that stays."""
    from estim.cli.keeping import who_is
    from estim.records.patients import forget as erase

    home = home_of(given)
    who = who_is(home, given.operator, "forget", administrator=True)
    keys = erase(home.root, given.patient, operator=who, reason=given.reason)
    if given.json:
        print_json({"patient": given.patient, "keys": keys})
        return 0
    print(f"{given.patient}: erased. Their own words, in records, course and register, can't be read any more.")
    print("Currents, times and outcomes stay, and every chain verifies.")
    print("Not reached: paper, exports that were handed out, and FILE.people beside backups: make a new backup, then")
    print("destroy the older ones of these files.")
    return 0


def restore(given: argparse.Namespace) -> int:
    """A backup back into an empty home, and whether everything in it verifies."""
    from estim.records.lifecycle import restore as put
    from estim.records.verify_home import verify_home

    home = home_of(given)
    anchor = put(Path(given.file), home.root, operator=given.operator or login(), reason=given.reason)
    verdicts = verify_home(home.root)
    bad = [verdict for verdict in verdicts if not verdict.ok]
    if given.json:
        rows = [verdict.to_json() for verdict in bad]
        print_json({"ok": not bad, "sessions": len(verdicts), "bad": rows, "as_of": anchor.utc})
        return EXIT_REFUSED if bad else 0
    print(f"{home.root}: put back as of {anchor.utc}; {len(verdicts) - len(bad)} sessions verify")
    print("What was recorded after that is not here. An anchor made later will say so.")
    for verdict in bad:
        print(f"  NOT VERIFIED {verdict.path}: {verdict.reason}")
    return EXIT_REFUSED if bad else 0


def archive(given: argparse.Namespace) -> int:
    """Sealed sessions that are old enough, compressed where they lie."""
    from estim.records.lifecycle import archive as pack

    now = datetime.datetime.now(datetime.UTC)
    done = pack(
        home_of(given), older_than_days=given.older_than, now=now, operator=given.operator or login(),
        reason=given.reason,
    )  # fmt: skip
    if given.json:
        left = [{"session": name, "reason": reason} for name, reason in done.left]
        print_json({"sessions": done.sessions, "before": done.before, "after": done.after, "left": left})
        return 0
    for name, reason in done.left:
        print(f"{name}: left as it is: {reason}")
    print(f"{len(done.sessions)} sessions: {done.before / 1e6:.1f} MB are {done.after / 1e6:.1f} MB now")
    return 0


def migrate(given: argparse.Namespace) -> int:
    """Digests for records of older formats, in the station's chain; no record is rewritten."""
    from estim.records.lifecycle import migrate as link

    done = link(home_of(given), operator=given.operator or login(), reason=given.reason)
    if given.json:
        print_json({"sessions": done})
        return 0
    print(f"{len(done)} sessions of older formats are linked; their records are as they were")
    return 0
