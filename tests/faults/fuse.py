"""The part of the kernel's FUSE protocol that a small file system needs, on /dev/fuse itself.

No library stands between: one thread reads a request and writes its answer, which is what a model
of a disk needs, and a cut can fall between any two of them. Numbers and layouts are those of the
kernel's interface (linux/fuse.h), version 7.31; little-endian, as on every machine we run on.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from dataclasses import dataclass

MAJOR, MINOR = 7, 31
WRITE_MAX = 1 << 17
BUFFER = WRITE_MAX + 4096
ATOMIC_O_TRUNC, BIG_WRITES, MAX_PAGES = 1 << 3, 1 << 5, 1 << 22
IN_HEADER = struct.Struct("<IIQQIIII")
OUT_HEADER = struct.Struct("<IiQ")
ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
INIT_OUT = struct.Struct("<IIIIHHIIHH32x")
ENTRY_HEAD = struct.Struct("<QQQQII")
OPEN_OUT = struct.Struct("<QII")
WRITE_IN = struct.Struct("<QQIIQII")
SETATTR_IN = struct.Struct("<IIQQQQQQIIIIIIII")
STATFS = struct.Struct("<QQQQQIIII24x")
MNT_DETACH = 2

(
    LOOKUP, FORGET, GETATTR, SETATTR, READLINK, SYMLINK, MKNOD, MKDIR, UNLINK, RMDIR, RENAME, LINK,
    OPEN, READ, WRITE, STATFS_OP, RELEASE, FSYNC,
) = (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20)  # fmt: skip
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR = 25, 26, 27, 28, 29, 30
CREATE, INTERRUPT, DESTROY, BATCH_FORGET, FALLOCATE, RENAME2 = 35, 36, 38, 42, 43, 45

_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Request:
    """One question of the kernel."""

    op: int
    unique: int
    node: int
    uid: int
    gid: int
    body: bytes


def mount(where: str) -> int:
    """Opens the device and mounts it; gives its descriptor. Raises OSError where that is not
    allowed or there is no such device."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
    if _LIBC.mount(b"tocsin-test", where.encode(), b"fuse", 0, options.encode()) != 0:
        number = ctypes.get_errno()
        os.close(device)
        raise OSError(number, os.strerror(number))
    return device


def unmount(where: str) -> None:
    """At once, whoever still has a file open there."""
    _LIBC.umount2(where.encode(), MNT_DETACH)


def read_request(device: int) -> Request | None:
    """The next question; None when the file system is gone."""
    while True:
        try:
            data = os.read(device, BUFFER)
        except OSError as error:
            if error.errno == errno.ENOENT:  # the asker was killed before we read it
                continue
            return None
        _, op, unique, node, uid, gid, _, _ = IN_HEADER.unpack_from(data)
        return Request(op, unique, node, uid, gid, data[IN_HEADER.size :])


def answer(device: int, asked: Request, error: int, body: bytes = b"") -> None:
    head = OUT_HEADER.pack(OUT_HEADER.size + len(body), -error, asked.unique)
    with contextlib.suppress(OSError):  # whoever asked is gone
        os.write(device, head + body)


def init_answer() -> bytes:
    flags = BIG_WRITES | ATOMIC_O_TRUNC | MAX_PAGES
    return INIT_OUT.pack(MAJOR, MINOR, WRITE_MAX, flags, 16, 12, WRITE_MAX, 1, WRITE_MAX // 4096, 0)


def attributes(found: os.stat_result, size: int) -> bytes:
    return ATTR.pack(
        found.st_ino, size, (size + 511) // 512, int(found.st_atime), int(found.st_mtime),
        int(found.st_ctime), 0, 0, 0, found.st_mode, found.st_nlink, found.st_uid, found.st_gid,
        0, 4096, 0,
    )  # fmt: skip


def entry(node: int, found: os.stat_result, size: int) -> bytes:
    """Nothing is remembered by the kernel: times of validity are 0."""
    return ENTRY_HEAD.pack(node, 0, 0, 0, 0, 0) + attributes(found, size)


def names(body: bytes) -> list[str]:
    return [part.decode() for part in body.split(b"\0")[:-1]]


def directory(listed: list[tuple[str, int]], offset: int, room: int) -> bytes:
    """Entries of a folder from `offset` on, as many as fit."""
    out = bytearray()
    for number, (name, kind) in enumerate(listed[offset:], offset + 1):
        raw = name.encode()
        item = struct.pack("<QQII", number, number, len(raw), kind) + raw
        item += b"\0" * (-len(item) % 8)
        if len(out) + len(item) > room:
            break
        out += item
    return bytes(out)
