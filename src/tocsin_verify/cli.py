"""`tocsin-verify FILE`: 0 when everything holds, 1 with the first entry that does not, 2 where the
question cannot be answered."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tocsin_verify import bundle, memory, notes
from tocsin_verify.bundle import Unreadable
from tocsin_verify.checking import Check, Result
from tocsin_verify.dump import Dump


def main(arguments: Sequence[str] | None = None) -> int:
    """The program."""
    asked = _parser().parse_args(arguments)
    try:
        known = memory.load(asked.state)
        result, keys = verify(asked, known)
    except (Unreadable, ValueError, OSError) as error:
        print(f"tocsin-verify: {error}")
        return 2
    if result.finding is not None:
        print(f"NOT what was signed: {result.finding}")
        print(f"The first {result.size} entries hold.")
        return 1
    print(
        f"{result.origin}: {result.entries} entries, {result.size} of them signed, "
        f"{result.checkpoints} checkpoints, {result.erased} erasures with a record"
    )
    if result.entries > result.size or result.waiting:
        print(
            f"Not signed yet: {result.entries - result.size} entries; "
            f"in no entry yet: {result.waiting} rows."
        )
    if asked.state is not None:
        known.seen[result.size] = result.root
        memory.save(asked.state, memory.Memory(keys, known.seen))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tocsin-verify", description="Check the log of a town against its journals."
    )
    parser.add_argument("file", type=Path, help="a bundle, a backup, or a dump as text")
    parser.add_argument("--key", action="append", default=[], help="the log's key; may be repeated")
    parser.add_argument("--state", type=Path, help="where it is kept what was seen")
    parser.add_argument(
        "--checkpoint", type=Path, action="append", default=[],
        help="a checkpoint from elsewhere: fetched, stamped, or another's",
    )  # fmt: skip
    parser.add_argument("--hashes", type=Path, help="tiles.0 of the node, to name an entry exactly")
    parser.add_argument(
        "--complete", action="store_true", help="every row must be in an entry: nobody is at work"
    )
    parser.add_argument("--stamps", type=Path, metavar="FOLDER", help="write the time stamps there")
    return parser


def verify(asked: Any, known: memory.Memory) -> tuple[Result, list[str]]:
    """The result, and the keys that were believed. Raises Unreadable, ValueError."""
    texts = [*asked.key, *(key for key in known.keys if key not in asked.key)]
    if bundle.is_bundle(asked.file):
        lines = bundle.lines(asked.file)
        head = next(lines)
        if not texts:
            texts = [str(each) for each in head.get("keys", ())]
            print("The bundle's own key is believed, for the first time: compare it with the")
            print(f"town's: {' '.join(texts)}")
        return _checked(asked, known, texts, lines), texts
    if not texts:
        raise Unreadable("a dump says no key: give it with --key")
    dump = Dump(asked.file)
    try:
        return _checked(asked, known, texts, _lines_of(dump, asked.hashes)), texts
    finally:
        dump.close()


def _checked(
    asked: Any, known: memory.Memory, texts: list[str], lines: Iterator[dict[str, Any]]
) -> Result:
    keys = [notes.key_of(each) for each in texts]
    seen = dict(known.seen)
    for path in asked.checkpoint:
        _, size, root = notes.checkpoint(path.read_text(encoding="utf-8"), keys)
        if seen.setdefault(size, root) != root:
            raise ValueError(f"two different logs of {size} entries were signed")
    check = Check(keys, seen, complete=asked.complete)
    for line in lines:
        if "n" in line:
            check.entry(line["entry"] if "entry" in line else bundle.entry_of(line))
        elif "checkpoint" in line:
            check.checkpoint(line["checkpoint"])
        elif "unlogged" in line:
            check.unlogged(str(line["unlogged"][0]), int(line["unlogged"][1]))
        elif "stamp" in line and asked.stamps is not None:
            _write_stamp(asked.stamps, line["stamp"])
        if check.is_over:
            break
    return check.finish()


def _lines_of(dump: Dump, hashes: Path | None) -> Iterator[dict[str, Any]]:
    """A dump in the order of a bundle."""
    waiting = dump.checkpoints()
    count = 0
    given = hashes.open("rb") if hashes is not None else None
    try:
        while waiting and waiting[0][0] == 0:
            yield {"checkpoint": waiting.pop(0)[1]}
        for entry in dump.entries():
            count += 1
            leaf = given.read(32) if given is not None else b""
            yield {"n": count, "entry": entry._replace(given=leaf if len(leaf) == 32 else None)}
            while waiting and waiting[0][0] <= count:
                yield {"checkpoint": waiting.pop(0)[1]}
        for _, note in waiting:  # of entries that are not there
            yield {"checkpoint": note}
    finally:
        if given is not None:
            given.close()
    for source, number in dump.unlogged():
        yield {"unlogged": [source, number]}
    for size, token in dump.stamps():
        yield {
            "stamp": {"size": size, "token": token.hex(), "note": dict(dump.checkpoints())[size]}
        }


def _write_stamp(folder: Path, stamp: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    size = int(stamp["size"])
    (folder / f"{size}.tsr").write_bytes(bytes.fromhex(stamp["token"]))
    (folder / f"{size}.checkpoint").write_text(str(stamp["note"]), encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
