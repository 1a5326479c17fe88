"""A disk that forgets at a power cut what was never synced: `python -m ... BACK MOUNT`.

Everything is kept in BACK, a folder; what is written stays in memory until its file is synced. At
SIGUSR1 the power is cut: what is in memory is dropped, or half of it lands (a disk writes in its
own order, and a page may be torn), and every later call fails until it is mounted anew.

What the model leaves out: making, renaming and deleting files is on the disk at once, as with a
journalling file system that orders them before what comes after.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import struct
import sys
from collections.abc import Callable
from types import FrameType

from tests.faults import fuse
from tests.faults.fuse import Request

PAGE = 4096
NOWHERE = "/nowhere"
Answer = tuple[int, bytes]
OK: Answer = (0, b"")


class Overlay:
    """What of each file is in memory only: pages, and the length. Files by inode of the back."""

    def __init__(self) -> None:
        self.pages: dict[int, dict[int, bytearray]] = {}
        self.sizes: dict[int, int] = {}

    def size(self, found: os.stat_result) -> int:
        return self.sizes.get(found.st_ino, found.st_size)

    def read(self, descriptor: int, offset: int, count: int) -> bytes:
        found = os.fstat(descriptor)
        end = min(offset + count, self.size(found))
        if end <= offset:
            return b""
        out = bytearray(end - offset)
        kept = os.pread(descriptor, end - offset, offset)
        out[: len(kept)] = kept
        pages = self.pages.get(found.st_ino)
        if pages:
            for number in range(offset // PAGE, (end - 1) // PAGE + 1):
                if (page := pages.get(number)) is not None:
                    first, last = max(offset, number * PAGE), min(end, (number + 1) * PAGE)
                    out[first - offset : last - offset] = page[
                        first - number * PAGE : last - number * PAGE
                    ]
        return bytes(out)

    def write(self, descriptor: int, offset: int, data: bytes) -> None:
        found = os.fstat(descriptor)
        pages = self.pages.setdefault(found.st_ino, {})
        done = 0
        while done < len(data):
            number, within = divmod(offset + done, PAGE)
            part = data[done : done + PAGE - within]
            if (page := pages.get(number)) is None:
                page = pages[number] = bytearray(os.pread(descriptor, PAGE, number * PAGE))
                page.extend(bytes(PAGE - len(page)))
            page[within : within + len(part)] = part
            done += len(part)
        self.sizes[found.st_ino] = max(self.size(found), offset + len(data))

    def sync(self, descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        for number, page in self.pages.pop(inode, {}).items():
            os.pwrite(descriptor, page, number * PAGE)
        if (size := self.sizes.pop(inode, None)) is not None:
            os.ftruncate(descriptor, size)

    def drop(self, inode: int) -> None:
        self.pages.pop(inode, None)
        self.sizes.pop(inode, None)


class Disk:
    """Serves one mount."""

    def __init__(self, back: str, where: str, seed: int | None) -> None:
        self.device = fuse.mount(where)
        self.paths: dict[int, str] = {1: back}
        self.numbers: dict[str, int] = {back: 1}
        self.overlay = Overlay()
        self.open: dict[int, set[int]] = {}
        """Open descriptors on the back, by inode: a file without a name lives as long as one."""
        self.held: dict[int, int] = {}
        """A descriptor by number: of a file that was opened and deleted."""
        self.chance = random.Random(seed) if seed is not None else None
        self.is_dead = False
        self.syncs = 0

    # -- the loop

    def run(self) -> None:
        while (asked := fuse.read_request(self.device)) is not None:
            if asked.op in (fuse.FORGET, fuse.BATCH_FORGET, fuse.INTERRUPT):
                continue
            if asked.op == fuse.INIT:
                fuse.answer(self.device, asked, 0, fuse.init_answer())
                continue
            error, body = errno.EIO, b""
            if not self.is_dead and (work := WORK.get(asked.op)) is not None:
                try:
                    error, body = work(self, asked)
                except OSError as trouble:
                    error = trouble.errno or errno.EIO
            elif not self.is_dead:
                error = errno.ENOSYS
            fuse.answer(self.device, asked, error, body)

    def cut(self, *_: int | FrameType | None) -> None:
        """The power goes."""
        self.is_dead = True
        lost = sum(map(len, self.overlay.pages.values()))
        if self.chance is not None:
            self._tear()
        self.overlay = Overlay()
        print(f"cut: {lost} pages were in memory only, {self.syncs} syncs", flush=True)

    def _tear(self) -> None:
        """Of what is in memory about half reaches the disk, some of it in part."""
        assert self.chance is not None
        for inode, pages in self.overlay.pages.items():
            descriptor = min(self.open.get(inode, ()), default=None)
            if descriptor is None:
                continue
            for number, page in pages.items():
                if self.chance.random() < 0.5:
                    size = self.chance.choice((512, 1024, PAGE, PAGE))
                    os.pwrite(descriptor, page[:size], number * PAGE)

    # -- names

    def path(self, node: int, name: str = "") -> str:
        home = self.paths[node]
        return os.path.join(home, name) if name else home

    def _known(self, path: str) -> bytes:
        found = os.lstat(path)
        node = self.numbers.get(path)
        if node is None:
            node = len(self.paths) + 1
            self.paths[node], self.numbers[path] = path, node
        return fuse.entry(node, found, self.overlay.size(found))

    def _moved(self, old: str, new: str) -> None:
        """Numbers go with what they name, also below a folder."""
        self._forget(new)
        for path in [each for each in self.numbers if each == old or each.startswith(old + "/")]:
            node = self.numbers.pop(path)
            self.paths[node] = new + path[len(old) :]
            self.numbers[self.paths[node]] = node

    def _forget(self, path: str) -> None:
        node = self.numbers.pop(path, None)
        if node is not None:
            self.paths[node] = NOWHERE

    def lookup(self, asked: Request) -> Answer:
        return 0, self._known(self.path(asked.node, *fuse.names(asked.body)))

    def getattr(self, asked: Request) -> Answer:
        flags, _, handle = struct.unpack_from("<IIQ", asked.body)
        found = os.fstat(handle) if flags & 1 else self._stat(asked.node)
        return 0, struct.pack("<QII", 0, 0, 0) + fuse.attributes(found, self.overlay.size(found))

    def _stat(self, node: int) -> os.stat_result:
        path = self.path(node)
        if path == NOWHERE and node in self.held:
            return os.fstat(self.held[node])
        return os.lstat(path)

    def setattr(self, asked: Request) -> Answer:
        fields = fuse.SETATTR_IN.unpack_from(asked.body)
        valid, handle, size, mode, uid, gid = (fields[n] for n in (0, 2, 3, 11, 13, 14))
        path = self.path(asked.node)
        if valid & 6:
            os.chown(path, uid if valid & 2 else -1, gid if valid & 4 else -1)
        if valid & 1:
            os.chmod(path, stat.S_IMODE(mode))
        if valid & 8:
            descriptor = handle if valid & 64 else os.open(path, os.O_RDWR)
            self.overlay.sync(descriptor)
            os.ftruncate(descriptor, size)
            if not valid & 64:
                os.close(descriptor)
        found = self._stat(asked.node)
        return 0, struct.pack("<QII", 0, 0, 0) + fuse.attributes(found, self.overlay.size(found))

    def readlink(self, asked: Request) -> Answer:
        return 0, os.readlink(self.path(asked.node)).encode()

    def _owned(self, asked: Request, path: str) -> Answer:
        os.chown(path, asked.uid, asked.gid, follow_symlinks=False)
        return 0, self._known(path)

    def symlink(self, asked: Request) -> Answer:
        name, target = fuse.names(asked.body)
        path = self.path(asked.node, name)
        os.symlink(target, path)
        return self._owned(asked, path)

    def mkdir(self, asked: Request) -> Answer:
        mode, mask = struct.unpack_from("<II", asked.body)
        path = self.path(asked.node, *fuse.names(asked.body[8:]))
        os.mkdir(path)
        os.chmod(path, mode & ~mask & 0o7777)
        return self._owned(asked, path)

    def unlink(self, asked: Request) -> Answer:
        path = self.path(asked.node, *fuse.names(asked.body))
        self._unnamed(os.lstat(path))
        os.unlink(path)
        self._forget(path)
        return OK

    def _unnamed(self, found: os.stat_result) -> None:
        """Its last name goes: its number may be another file's in a moment."""
        if found.st_nlink == 1 and found.st_ino not in self.open:
            self.overlay.drop(found.st_ino)

    def rmdir(self, asked: Request) -> Answer:
        path = self.path(asked.node, *fuse.names(asked.body))
        os.rmdir(path)
        self._forget(path)
        return OK

    def _rename(self, asked: Request, head: int) -> Answer:
        (target,) = struct.unpack_from("<Q", asked.body)
        old, new = fuse.names(asked.body[head:])
        before, after = self.path(asked.node, old), self.path(target, new)
        if os.path.lexists(after):
            self._unnamed(os.lstat(after))
        os.rename(before, after)
        self._moved(before, after)
        return OK

    def rename(self, asked: Request) -> Answer:
        return self._rename(asked, 8)

    def rename2(self, asked: Request) -> Answer:
        return self._rename(asked, 16)

    def link(self, asked: Request) -> Answer:
        (old,) = struct.unpack_from("<Q", asked.body)
        path = self.path(asked.node, *fuse.names(asked.body[8:]))
        os.link(self.path(old), path)
        return 0, self._known(path)

    # -- files

    def _opened(self, node: int, flags: int) -> int:
        path = self.path(node)
        # Read, too: a page that is written in part is read first.
        descriptor = os.open(path, os.O_RDWR | (flags & os.O_TRUNC), 0o600)
        inode = os.fstat(descriptor).st_ino
        if flags & os.O_TRUNC:
            self.overlay.drop(inode)
        self.open.setdefault(inode, set()).add(descriptor)
        self.held[node] = descriptor
        return descriptor

    def do_open(self, asked: Request) -> Answer:
        (flags,) = struct.unpack_from("<I", asked.body)
        return 0, fuse.OPEN_OUT.pack(self._opened(asked.node, flags), 0, 0)

    def create(self, asked: Request) -> Answer:
        flags, mode, mask, _ = struct.unpack_from("<IIII", asked.body)
        path = self.path(asked.node, *fuse.names(asked.body[16:]))
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | (flags & os.O_EXCL), 0o600))
        os.chmod(path, mode & ~mask & 0o7777)
        _, entry = self._owned(asked, path)
        return 0, entry + fuse.OPEN_OUT.pack(self._opened(self.numbers[path], flags), 0, 0)

    def read(self, asked: Request) -> Answer:
        handle, offset, size = struct.unpack_from("<QQI", asked.body)
        return 0, self.overlay.read(handle, offset, size)

    def write(self, asked: Request) -> Answer:
        handle, offset, size, *_ = fuse.WRITE_IN.unpack_from(asked.body)
        start = fuse.WRITE_IN.size
        self.overlay.write(handle, offset, asked.body[start : start + size])
        return 0, struct.pack("<II", size, 0)

    def fsync(self, asked: Request) -> Answer:
        (handle,) = struct.unpack_from("<Q", asked.body)
        self.syncs += 1
        self.overlay.sync(handle)
        return OK

    def release(self, asked: Request) -> Answer:
        (handle,) = struct.unpack_from("<Q", asked.body)
        found = os.fstat(handle)
        others = self.open.get(found.st_ino, set())
        others.discard(handle)
        if not others:
            # Whoever comes next finds what is in memory; nobody does where no name is left.
            self.open.pop(found.st_ino, None)
            if found.st_nlink == 0:
                self.overlay.drop(found.st_ino)
        if self.held.get(asked.node) == handle:
            del self.held[asked.node]
            if others:
                self.held[asked.node] = min(others)
        os.close(handle)
        return OK

    def nothing(self, asked: Request) -> Answer:
        return OK

    # -- folders

    def opendir(self, asked: Request) -> Answer:
        return 0, fuse.OPEN_OUT.pack(0, 0, 0)

    def readdir(self, asked: Request) -> Answer:
        _, offset, size = struct.unpack_from("<QQI", asked.body)
        with os.scandir(self.path(asked.node)) as found:
            listed = sorted((each.name, _kind(each)) for each in found)
        return 0, fuse.directory([(".", 4), ("..", 4), *listed], offset, size)

    def statfs(self, asked: Request) -> Answer:
        v = os.statvfs(self.paths[1])
        return 0, fuse.STATFS.pack(
            v.f_blocks, v.f_bfree, v.f_bavail, v.f_files, v.f_ffree, v.f_bsize, 255, v.f_frsize, 0
        )


def _kind(item: os.DirEntry[str]) -> int:
    if item.is_symlink():
        return 10
    return 4 if item.is_dir() else 8


WORK: dict[int, Callable[[Disk, Request], Answer]] = {
    fuse.LOOKUP: Disk.lookup,
    fuse.GETATTR: Disk.getattr,
    fuse.SETATTR: Disk.setattr,
    fuse.READLINK: Disk.readlink,
    fuse.SYMLINK: Disk.symlink,
    fuse.MKDIR: Disk.mkdir,
    fuse.UNLINK: Disk.unlink,
    fuse.RMDIR: Disk.rmdir,
    fuse.RENAME: Disk.rename,
    fuse.RENAME2: Disk.rename2,
    fuse.LINK: Disk.link,
    fuse.OPEN: Disk.do_open,
    fuse.CREATE: Disk.create,
    fuse.READ: Disk.read,
    fuse.WRITE: Disk.write,
    fuse.FSYNC: Disk.fsync,
    fuse.RELEASE: Disk.release,
    fuse.FLUSH: Disk.nothing,
    fuse.FSYNCDIR: Disk.nothing,
    fuse.OPENDIR: Disk.opendir,
    fuse.RELEASEDIR: Disk.nothing,
    fuse.READDIR: Disk.readdir,
    fuse.STATFS_OP: Disk.statfs,
    fuse.DESTROY: Disk.nothing,
}


def main(back: str, where: str, seed: int | None) -> None:
    disk = Disk(back, where, seed)
    signal.signal(signal.SIGUSR1, disk.cut)
    print("mounted", flush=True)
    disk.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None)
