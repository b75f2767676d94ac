"""`records backup|restore|archive|migrate|retention|forget|keys`: the life of a home."""

from __future__ import annotations

import argparse
import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING

from estim.cli.output import EXIT_REFUSED, home_of, print_json
from estim.cli.secret import login
from estim.cli.speaking import print_line, say

if TYPE_CHECKING:
    from estim.records.retention import Due, Removed


def backup(given: argparse.Namespace) -> int:
    """Everything of the home in one file. What lies there and can't be taken in is named, and ends with 1."""
    from estim.records.lifecycle import backup as make

    done = make(home_of(given).root, Path(given.output), with_key=not given.without_key)
    for path, why in done.left:
        say(f"NOT in the backup: {path}: {why}")
    if given.json:
        left = [{"path": path, "reason": why} for path, why in done.left]
        said = {"file": given.output, "files": done.files, "bytes": done.size, "anchor": done.anchor, "left_out": left}
        print_json(said)
        return EXIT_REFUSED if done.left else 0
    print(f"{given.output}: {done.files} files, {done.size / 1e6:.1f} MB before compression")
    print("Keep it, and this anchor, where the home is not:")
    print(done.anchor)
    return EXIT_REFUSED if done.left else 0


def forget(given: argparse.Namespace) -> int:
    """A person is erased: an administrator, with a reason that stays."""
    from estim.cli.keeping import who_is
    from estim.records.erasing import forget as erase

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


def keys(given: argparse.Namespace) -> int:
    """People's keys that are lost here, from the file beside a backup."""
    from dataclasses import asdict

    from estim.cli.keeping import who_is
    from estim.records.people_keys import put_back, read_keys
    from estim.records.station import enter_station, station_lines
    from estim.safety.errors import RecordError

    home = home_of(given)
    lines = station_lines(home.root)  # one whose chain is gone says so
    if not lines:
        raise RecordError(f"{home.root}: no station's home is here, so nobody's words are either; name it with --home")
    who = who_is(home, given.operator, "keys")

    def tell(ids: list[str]) -> None:  # first: a key that is back is never without its line
        enter_station(home.root, "keys-back", keys=ids, operator=who, reason=given.reason)

    found = put_back(home.root, read_keys(Path(given.file)), lines, tell=tell)
    if given.json:
        print_json(asdict(found))
        return EXIT_REFUSED if found.unfit else 0
    said = {
        "put back; what is closed under it can be read": found.back,
        "left out: this person was erased here": found.erased,
        "left out: it opens nothing that was written here about this person": found.unfit,
    }
    print("".join(f"{name}: {words}\n" for words, names in said.items() for name in names), end="")
    last = f", {len(found.unfit)} fit nothing" if found.unfit else ""
    print(f"{len(found.back)} put back, {len(found.here)} here already, {len(found.erased)} erased{last}")
    return EXIT_REFUSED if found.unfit else 0


def restore(given: argparse.Namespace) -> int:
    """A backup back into an empty home, and whether everything in it verifies."""
    from estim.records.lifecycle import restore as put
    from estim.records.verify_home import verify_home

    home = home_of(given)
    anchor = put(Path(given.file), home.root, operator=given.operator or login(), reason=given.reason)
    verdicts = verify_home(home.root, jobs=os.cpu_count() or 1)
    bad = [verdict for verdict in verdicts if not verdict.ok]
    if given.json:
        rows = [verdict.to_json() for verdict in bad]
        print_json({"ok": not bad, "sessions": len(verdicts), "bad": rows, "as_of": anchor.utc})
        return EXIT_REFUSED if bad else 0
    print(f"{home.root}: put back as of {anchor.utc}; {len(verdicts) - len(bad)} sessions verify")
    print("What was recorded after that is not here. An anchor made later will say so.")
    for verdict in bad:
        print_line(f"  NOT VERIFIED {verdict.path}: {verdict.reason}")
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
        print_line(f"{name}: left as it is: {reason}")
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


def retention(given: argparse.Namespace) -> int:
    """The site's rule, what is past it or soon will be, and its removal by an administrator with a reason."""
    from estim.cli.keeping import who_is
    from estim.records import retention as keep
    from estim.records.station import station_lines
    from estim.safety.errors import UsageError

    home = home_of(given)
    asked = [_kept(word) for word in given.keep]
    done = None
    if asked or given.remove:
        if not given.reason:
            raise UsageError("--reason TEXT: why stands in the station's chain, so it is needed here")
        who = who_is(home, given.operator, "retention", administrator=True) or login()
        for rule, years in asked:
            keep.set_rule(home.root, rule, years, operator=who, reason=given.reason)
        if given.remove:
            done = keep.remove(home, _today(), operator=who, reason=given.reason)
    rules = keep.rules(station_lines(home.root))
    rows = keep.due(home, _today(), within_days=given.within)
    if given.json:
        print_json({
            "rules": rules,
            "due": [
                {"session": one.session, "kind": one.kind, "patient": one.patient, "last": one.last.isoformat(),
                 "until": one.until.isoformat(), "child": one.child, "over": one.until < _today()}
                for one in rows
            ],
            "removed": list(done.sessions) if done else [],
            "left": [{"session": name, "reason": reason} for name, reason in (done.left if done else ())],
            "people": list(done.people) if done else [],
        })  # fmt: skip
        return EXIT_REFUSED if done and done.left else 0
    _say_retention(rules, rows, done)
    return EXIT_REFUSED if done and done.left else 0


def _today() -> datetime.date:
    return datetime.datetime.now().astimezone().date()


def _kept(word: str) -> tuple[str, int]:
    from estim.records.retention import RULES, YEARS_MAX
    from estim.safety.errors import UsageError
    from estim.safety.units import is_whole

    rule, _, years = word.partition("=")
    if rule not in RULES or not is_whole(years) or int(years) > YEARS_MAX:
        allowed = ", ".join(RULES)
        raise UsageError(f"--keep {word}: KIND=YEARS, KIND one of {allowed}, YEARS 0 (for ever) to {YEARS_MAX}")
    return rule, int(years)


def _say_retention(rules: dict[str, int], rows: list[Due], done: Removed | None) -> None:
    words = {"real": "sessions", "child": "sessions of children", "simulated": "simulated sessions"}
    for rule, what in words.items():
        years = rules.get(rule, 0)
        otherwise = "as other sessions" if rule == "child" and rule not in rules else "for ever"
        after = f"{years} years after the person's last one" if years else otherwise
        print(f"{what}: kept {after}")
    for one in rows:
        state = "past its time" if one.until < _today() else "kept"
        child = ", a child" if one.child else ""
        print_line(f"  {one.kind} {one.session}: {state} (until {one.until}; last session {one.last}{child})")
    if done is not None:
        for name, reason in done.left:
            print_line(f"{name}: left as it is: {reason}")
        print(f"{len(done.sessions)} sessions were removed; their lines in the chains stay")
        for name in done.people:
            print_line(
                f"{name} has no session left here: `estim records forget {name}` erases what was written about them"
            )
        print("Not reached: backups, copies at the clinic, exports and paper.")
    elif any(one.until < _today() for one in rows):
        print("Nothing goes by itself. An administrator lets go what is past its time:")
        print("  estim records retention --remove --operator ID --reason TEXT")
    elif not rows:
        print("nothing is past its time")
