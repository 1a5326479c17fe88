"""What the source must not have, whoever writes it: queries, commands and code put together from
input, weak or home-made secrets. Each checker finds a planted fault."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tools.trees import tree_of

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tocsin"
CONSOLE = ROOT / "console" / "src"

SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|ORDER BY|COPY|ALTER|CREATE)\s")
CONSTANT = re.compile(r"^_{0,2}[A-Z][A-Z0-9_]*$")
PIECES = frozenset(
    (
        "stores/postgres/auditing.py: ', '.join(Columns._fields)",
        "stores/postgres/backup_files.py: member.rows",
        "stores/postgres/backup.py: table.identity",
        "stores/postgres/backup.py: table.quoted",
        "stores/postgres/batch.py: ', '.join(parts)",
        "stores/postgres/batch.py: arrays",
        "stores/postgres/batch.py: conflict",
        "stores/postgres/batch.py: names",
        "stores/postgres/batch.py: picked",
        "stores/postgres/batch.py: table",
        "stores/postgres/devices.py: ' AND '.join(self._parts)",
        "stores/postgres/devices.py: limit",
        "stores/postgres/devices.py: values.put(query.limit)",
        "stores/postgres/devices.py: where",
        "stores/postgres/directory.py: column",
        "stores/postgres/directory.py: name",
        "stores/postgres/lists.py: ' AND '.join(conditions)",
        "stores/postgres/lists.py: ' AND '.join([*conditions, each])",
        "stores/postgres/lists.py: beyond",
        "stores/postgres/lists.py: column",
        "stores/postgres/lists.py: join",
        "stores/postgres/lists.py: limit",
        "stores/postgres/lists.py: picked",
        "stores/postgres/lists.py: ranges",
        "stores/postgres/lists.py: sql.bind(agency, 'text')",
        "stores/postgres/lists.py: sql.bind(status, 'text')",
        "stores/postgres/lists.py: where",
        "stores/postgres/log_rows.py: _number('t.xid')",
        "stores/postgres/log_rows.py: _quoted(source)",
        "stores/postgres/log_rows.py: source.key",
        "stores/postgres/log_rows.py: source.name",
        "stores/postgres/log_rows.py: source.table",
        "stores/postgres/stories.py: _column(tier)",
        "stores/postgres/stories.py: where",
        "stores/postgres/vault.py: ', '.join((f'v.\"{name}\"' for name in _VALUE.fields))",
        "stores/postgres/retention.py: rule.relation",
        "stores/postgres/retention.py: rule.where",
        "stores/postgres/retention.py: table",
        "stores/postgres/wall_rows.py: agencies",
        "stores/postgres/wall_rows.py: areas",
        "stores/postgres/wall_rows.py: column",
        "stores/postgres/wall_rows.py: table",
        "stores/postgres/wall_rows.py: posts",
        "stores/postgres/wall_rows.py: told",
        "stores/postgres/walls.py: ', '.join(SCHEMAS)",
        "stores/postgres/walls.py: ', '.join(wall.columns)",
        "stores/postgres/walls.py: owner",
        "stores/postgres/walls.py: table",
        "stores/postgres/walls.py: verb",
        "stores/postgres/walls.py: verb.lower()",
        "stores/postgres/walls.py: wall.reader",
        "stores/postgres/walls.py: what",
    )
)
"""Parts of SQL that are not plainly constants, read one by one: tables and columns of our own
schema, conditions put together of such texts, and the numbers of parameters (`bind`, `put`)."""


@cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    return tuple(
        (str(path.relative_to(SOURCE)), tree_of(path)) for path in sorted(SOURCE.rglob("*.py"))
    )


def _is_fixed(node: ast.expr, known: dict[str, list[ast.expr]], deep: int = 0) -> bool:
    """Whether it can be nothing but text of the source itself."""
    if deep > 8:
        return False
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name) if CONSTANT.match(name):
            return True
        case ast.Name(id=name):
            made = known.get(name, [])
            return bool(made) and all(_is_fixed(each, known, deep + 1) for each in made)
        case ast.Attribute(attr=name):
            return bool(CONSTANT.match(name))
        case ast.IfExp(body=a, orelse=b):
            return _is_fixed(a, known, deep + 1) and _is_fixed(b, known, deep + 1)
        case ast.BinOp(left=a, right=b):
            return _is_fixed(a, known, deep + 1) and _is_fixed(b, known, deep + 1)
        case ast.JoinedStr(values=parts):
            return all(_is_fixed(each, known, deep + 1) for each in parts)
        case ast.FormattedValue(value=inner):
            return _is_fixed(inner, known, deep + 1)
        case ast.Call(func=ast.Name(id="len")):
            return True
        case _:
            return False


def _assigned(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """What every name of a piece of source is given."""
    found: dict[str, list[ast.expr]] = {}

    def give(target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            found.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple):
            if isinstance(value, ast.IfExp):
                give(target, value.body)
                give(target, value.orelse)
                return
            values = value.elts if isinstance(value, ast.Tuple) else [ast.Call(value, [], [])] * 9
            for each, what in zip(target.elts, values, strict=False):
                give(each, what)

    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                for each in targets:
                    give(each, value)
            case ast.AugAssign(target=target, value=value):
                give(target, value)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                give(target, value)
            case ast.For(target=target, iter=ast.Tuple(elts=elements)):
                for each in elements:
                    give(target, each)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                give(target, ast.Call(value, [], []))
            case _:
                pass
    return found


def query_findings(name: str, tree: ast.Module) -> list[str]:
    """f-strings of SQL with a part that is not fixed."""
    known, found = _assigned(tree), list[str]()
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        text = "".join(each.value for each in node.values if isinstance(each, ast.Constant))
        if not SQL.search(text):
            continue
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and not _is_fixed(part.value, known):
                found.append(f"{name}: {ast.unparse(part.value)}")
    return found


def test_queries_are_text_of_the_source() -> None:
    found = {each for name, tree in sources() for each in query_findings(name, tree)}
    assert found == PIECES


def test_a_query_of_input_is_found() -> None:
    planted = """
def find(name, order):
    way = "ASC" if order else "DESC"
    fetch(f"SELECT * FROM cases WHERE name = '{name}' ORDER BY id {way}")
    fetch(f"SELECT {_COLUMNS} FROM cases ORDER BY id {way}")
"""
    assert query_findings("x.py", ast.parse(planted)) == ["x.py: name"]


# -- commands and code

SHELL = {"os.system", "os.popen", "subprocess.getoutput", "asyncio.create_subprocess_shell"}
CODE = {"eval", "exec", "compile", "__import__"}
LOADERS = {"pickle", "marshal", "shelve", "yaml", "dill"}
MADE_OF_NAMES = "kernel/changing.py: exec"
"""Constructors of our own classes, out of the names of their fields."""


def command_findings(name: str, tree: ast.Module) -> list[str]:
    """Programs started through a shell, or out of one text; code and objects made of input."""
    found: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=func, keywords=keywords):
                called = ast.unparse(func)
                if called in SHELL | CODE or called.endswith("create_subprocess_shell"):
                    found.append(f"{name}: {called}")
                if any(each.arg == "shell" for each in keywords):
                    found.append(f"{name}: shell")
            case ast.Import(names=names):
                found += [f"{name}: {each.name}" for each in names if each.name in LOADERS]
            case ast.ImportFrom(module=module) if module in LOADERS:
                found.append(f"{name}: {module}")
            case _:
                pass
    return found


def test_programs_are_started_without_a_shell_and_no_code_is_made_of_input() -> None:
    found = [each for name, tree in sources() for each in command_findings(name, tree)]
    assert found == [MADE_OF_NAMES]


@pytest.mark.parametrize(
    "planted",
    ["os.system(x)", "subprocess.run(x, shell=True)", "eval(x)", "import pickle",
     "await asyncio.create_subprocess_shell(x)"],
)  # fmt: skip
def test_a_shell_and_made_code_are_found(planted: str) -> None:
    assert command_findings("x.py", ast.parse(planted)) != []


# -- waiting

WAITING = {"asyncio.wait_for", "wait_for"}


def waiting_findings(name: str, tree: ast.Module) -> list[str]:
    """`asyncio.wait_for` loses a cancelling that comes together with what it waits for (Python
    3.11): a loop around it then never ends, and with it the node's stop. `asyncio.timeout` does
    not."""
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [f"{name}: {each}" for each in calls if each in WAITING]


def test_nothing_waits_so_that_it_can_not_be_stopped() -> None:
    assert [each for name, tree in sources() for each in waiting_findings(name, tree)] == []
    assert waiting_findings("x.py", ast.parse("await asyncio.wait_for(x.wait(), 1)")) != []


# -- cryptography and chance

WEAK = re.compile(r"\b(md5|sha1|SHA1|MD5|TripleDES|Blowfish|ARC4|RC4|ECB|CFB|OFB|CBC)\b")
WEAK_ALLOWED = frozenset(
    {
        "intakes/sia_dc09/cipher.py: CBC",  # what the panels' standard prescribes
        "web/password_rules.py: sha1",  # how lists of stolen passwords are written
    }
)
BITS_MIN = 128
CHANCE = {"token_bytes", "token_hex", "token_urlsafe", "urandom"}
FEW_ALLOWED = frozenset(
    {
        "web/shell.py: secrets.token_hex(8)",  # the number of a request: no secret
        "stores/log/notes.py: os.urandom(8)",  # a log's name: no secret
        "app/demo_carriers.py: secrets.token_bytes(8)",  # a salt in a town of the demo
    }
)


def cipher_findings(name: str, tree: ast.Module) -> list[str]:
    """Weak hashes and modes, whether named or called."""
    words = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    words += [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return [f"{name}: {each}" for each in sorted(set(words)) if WEAK.fullmatch(each)]


def chance_findings(name: str, tree: ast.Module) -> list[str]:
    """Secrets of fewer than 128 bits; `random`, which is no source of any, outside of what plays
    towns."""
    known, found = _assigned(tree), list[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in CHANCE:
            size = node.args[0] if node.args else ast.Constant(0)
            many = _number(size, known)
            if many is not None and many * 8 < BITS_MIN:
                found.append(f"{name}: {ast.unparse(node)}")
        if isinstance(node, ast.Import) and any(each.name == "random" for each in node.names):
            found.append(f"{name}: random")
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            found.append(f"{name}: random")
    return [each for each in found if not _plays(each)]


def _plays(finding: str) -> bool:
    """Towns that are played, in a simulation or a demo, draw from `random`: the same seed is to
    give the same town."""
    place = finding.partition(":")[0]
    return finding.endswith("random") and place.startswith(("simulation/", "app/demo"))


def _number(node: ast.expr, known: dict[str, list[ast.expr]]) -> int | None:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name) if len(known.get(name, [])) == 1:
            return _number(known[name][0], known)
        case _:
            return None


def test_no_weak_cipher_or_hash() -> None:
    found = {each for name, tree in sources() for each in cipher_findings(name, tree)}
    assert found == WEAK_ALLOWED


def test_secrets_have_128_bits_from_the_system() -> None:
    found = {each for name, tree in sources() for each in chance_findings(name, tree)}
    assert found == FEW_ALLOWED


@pytest.mark.parametrize(
    "planted",
    ["h = hashlib.md5(x)", "Cipher(AES(k), modes.ECB())"],
)
def test_a_weak_cipher_is_found(planted: str) -> None:
    assert cipher_findings("x.py", ast.parse(planted)) != []


@pytest.mark.parametrize(
    "planted", ["SIZE = 8\nt = secrets.token_urlsafe(SIZE)", "import random", "os.urandom(4)"]
)
def test_a_small_secret_is_found(planted: str) -> None:
    assert chance_findings("web/x.py", ast.parse(planted)) != []


# -- the console

MADE_MARKUP = re.compile(
    r"\{@html|\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\("
)
POLLUTED = re.compile(
    r"__proto__|setPrototypeOf|\bprototype\[|\bconstructor\[|(\w|\])(\[[^\]\"'\d][^\]]*\]){2,}\s*=[^=>]"
)
PASSWORD = re.compile(r"<input[^>]*autocomplete=\"(?:current|new)-password\"[^>]*>")


def texts_of(*suffixes: str) -> Iterator[tuple[str, str]]:
    for path in sorted(CONSOLE.rglob("*")):
        if path.suffix in suffixes:
            yield str(path.relative_to(CONSOLE)), path.read_text(encoding="utf-8")


def test_the_console_makes_no_markup_of_text_and_reaches_no_prototype() -> None:
    found = [
        f"{name}: {each.group()}"
        for name, text in texts_of(".ts", ".svelte")
        for rule in (MADE_MARKUP, POLLUTED)
        for each in rule.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    ["{@html text}", "box.innerHTML = text", "eval(x)", "kept[place][name] = value",
     'found["__proto__"] = x'],
)  # fmt: skip
def test_made_markup_and_pollution_are_found(planted: str) -> None:
    assert MADE_MARKUP.search(planted) or POLLUTED.search(planted)


def masked_findings(name: str, text: str) -> list[str]:
    """Fields for passwords that show what is typed."""
    fields = PASSWORD.findall(text)
    return [f"{name}: {each}" for each in fields if 'type="password"' not in each]


def test_passwords_are_masked() -> None:
    pages = list(texts_of(".svelte", ".ts"))
    assert sum(len(PASSWORD.findall(text)) for _, text in pages) >= 2
    assert [each for name, text in pages for each in masked_findings(name, text)] == []
    assert masked_findings("x", '<input type="text" autocomplete="new-password" />') != []
