"""Hashes, proofs and notes against published vectors, and against the program that checks them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tocsin.stores.log.notes import Checkpoint, LogKeys, NotSigned, load_log_keys, rotate
from tocsin.stores.log.tree import EMPTY, Tree, folded, leaf_hash
from tocsin_verify import merkle, notes

LEAVES = [
    bytes.fromhex(each)
    for each in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The reference tree of RFC 6962's implementers: these leaves, and the root at each size."""

NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The vector of the signed-note format."""


def test_roots_are_those_that_were_published(tmp_path: Path) -> None:
    tree, other = Tree(tmp_path), merkle.Range()
    assert tree.root() == EMPTY == other.root()
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.append([leaf_hash(leaf)])
        other.add(merkle.leaf(leaf))
        assert tree.root().hex() == other.root().hex() == root
    assert [tree.root(size).hex() for size in range(1, 9)] == ROOTS


@pytest.mark.parametrize("size", [1, 2, 7, 255, 256, 257, 1000, 66_000])
def test_every_proof_holds_and_no_other(tmp_path: Path, size: int) -> None:
    chance = random.Random(size)
    tree = Tree(tmp_path)
    hashes = [leaf_hash(b"%d" % n) for n in range(size)]
    at = 0
    while at < size:
        step = chance.randint(1, 700)
        tree.append(hashes[at : at + step])
        at += step
    root = tree.root()
    for index in {0, size - 1, *(chance.randrange(size) for _ in range(20))}:
        proof = tree.inclusion(index, size)
        assert merkle.is_included(index, size, hashes[index], proof, root)
        assert not merkle.is_included(index, size, leaf_hash(b"x"), proof, root)
        if size > 1:
            assert not merkle.is_included((index + 1) % size, size, hashes[index], proof, root)
    for old in {1, size, *(chance.randint(1, size) for _ in range(20))}:
        proof = tree.consistency(old, size)
        assert merkle.is_consistent(old, size, tree.root(old), root, proof)
        if old < size:
            assert not merkle.is_consistent(old, size, leaf_hash(b"x"), root, proof)
            assert not merkle.is_consistent(old, size, tree.root(old), leaf_hash(b"x"), proof)


def test_files_are_tiles_and_are_mended(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    hashes = [leaf_hash(b"%d" % n) for n in range(70_000)]
    tree.append(hashes)
    root = tree.root()
    assert tree.tile(0, 3, 70_000) == b"".join(hashes[768:1024])
    assert tree.tile(0, 273, 70_000) == b"".join(hashes[273 * 256 :]), "partial"
    assert tree.tile(1, 0, 70_000)[:32] == folded(hashes[:256])
    assert len(tree.tile(2, 0, 70_000)) == 32 and tree.tile(3, 0, 70_000) == b""
    tree.close()
    (tmp_path / "tiles.1").write_bytes((tmp_path / "tiles.1").read_bytes()[:-100])
    (tmp_path / "tiles.2").unlink()
    with (tmp_path / "tiles.0").open("ab") as out:
        out.write(b"half")
    again = Tree(tmp_path)
    assert again.size == 70_000 and again.root() == root
    again.cut(65_535)
    assert again.root() == again.root(65_535) and (tmp_path / "tiles.2").stat().st_size == 0
    with pytest.raises(IndexError):
        again.root(70_000)


def test_the_published_note_is_read(tmp_path: Path) -> None:
    key = notes.key_of(NEUMANN)
    assert notes.is_signed(NEUMANN_NOTE, [key])
    assert not notes.is_signed(NEUMANN_NOTE.replace("answer", "anwser"), [key])
    with pytest.raises(ValueError):
        notes.key_of(NEUMANN.replace("c74f20a3", "c74f20a4"))


def test_what_the_node_signs_anybody_can_check(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    keys = load_log_keys(path)
    assert path.stat().st_mode & 0o777 == 0o600 and load_log_keys(path) == keys
    told = Checkpoint(keys.origin, 8, bytes.fromhex(ROOTS[7]))
    note = keys.sign(told)
    assert keys.read(note) == told
    assert notes.checkpoint(note, [notes.key_of(keys.public[0])]) == (keys.origin, 8, told.root)
    forged = note.replace("\n8\n", "\n9\n")
    with pytest.raises(NotSigned):
        keys.read(forged)
    with pytest.raises(ValueError):
        notes.checkpoint(forged, [notes.key_of(keys.public[0])])
    stranger = LogKeys(keys.origin, (bytes(32),))
    with pytest.raises(NotSigned):
        keys.read(stranger.sign(told))


def test_after_a_rotation_both_keys_sign(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    old = load_log_keys(path)
    new = rotate(path)
    assert new.origin == old.origin and new.public[0] == old.public[0] and len(new.public) == 2
    note = new.sign(Checkpoint(new.origin, 0, EMPTY))
    for vkey in new.public:
        assert notes.checkpoint(note, [notes.key_of(vkey)])[1] == 0
    assert old.read(note).size == 0, "who knows the old key alone can follow"
