"""Programs that are only watched leave the tree that they leave by themselves; a fault has one verdict.

git, npm and cargo; busybox (which may be static), rsync, pnpm and esbuild (static, in Go), where they are on the path.
"""

import hashlib
import os
import shutil
import stat
import subprocess

import pytest

from pytest_fsfault import inject

ENVIRONMENT = {
    "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "CARGO_INCREMENTAL": "0", "CARGO_NET_OFFLINE": "true",
    "npm_config_offline": "true", "npm_config_audit": "false", "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
}  # fmt: skip

GIT = """
git init -q -b main one && cd one
mkdir sub; echo a > a; echo b > sub/b; ln -s a link; echo x > run; chmod 755 run
git add . && git commit -q -m one
git checkout -q -b other && git mv a c && echo more >> sub/b && git commit -q -am two && git checkout -q main
cd .. && git clone -q one two && cd two && git checkout -q other && git rm -q run && git commit -q -m three
git -c pack.threads=1 gc -q --prune=now
"""
NPM = """
mkdir -p left/bin app && cd left
echo '{"name": "left", "version": "1.0.0", "bin": {"left": "bin/left"}}' > package.json
echo 'module.exports = 1' > index.js; echo '#!/usr/bin/env node' > bin/left
npm pack -s > /dev/null && cd ../app && echo '{"name": "app", "version": "1.0.0"}' > package.json
npm install -s ../left/left-1.0.0.tgz
"""
CARGO = """
mkdir -p crate/src && cd crate
printf '[package]\\nname = "crate"\\nversion = "0.1.0"\\nedition = "2021"\\n' > Cargo.toml
echo 'fn main() { println!("hi"); }' > src/main.rs
cargo build -q
"""
BUSYBOX = """
busybox mkdir -p a/sub && cd a
for n in 1 2 3 4 5; do echo $n > $n; echo $n > sub/$n; done
cd .. && busybox cp -a a b && busybox mv b/1 b/z && busybox ln -s z b/link && busybox chmod 600 b/z
busybox tar cf t.tar a b && busybox mkdir c && busybox tar xf t.tar -C c && busybox sed -i s/1/one/ c/b/z
busybox rm -r b/sub t.tar && busybox rmdir c/a/none || busybox touch c/made && busybox truncate -s 3 c/made
"""
RSYNC = """
mkdir -p a/sub && cd a && for n in 1 2 3 4 5; do echo $n > $n; echo $n > sub/$n; done
ln -s 1 link && chmod 600 2 && cd .. && rsync -a a/ b
echo more >> a/1 && rm a/3 && rsync -a --delete a/ b && rsync -a --link-dest=$PWD/b a/ c
"""
PNPM = NPM.replace("npm install -s", "pnpm add --silent --offline --store-dir $HOME/store")
ESBUILD = """
echo 'export const a = 1' > a.js && echo 'import { a } from "./a.js"; console.log(a)' > b.js
for n in 1 2 3 4 5 6 7 8; do esbuild b.js --bundle --sourcemap --outfile=out/$n/o.js --log-level=error; done
"""
LINES = {
    "git": GIT,
    "npm install": NPM,
    "npm uninstall": NPM + "npm uninstall -s left\n",
    "cargo build": CARGO,
    "cargo clean": CARGO + "cargo clean -q\n",
    "busybox": BUSYBOX,
    "rsync": RSYNC,
    "pnpm add": PNPM,
    "pnpm remove": PNPM + "pnpm remove --silent --store-dir $HOME/store left\n",
    "esbuild": ESBUILD,
}
SLOW = ("npm", "cargo", "pnpm")
# What holds the time, the number of a file or of a process, or a map in an order of chance.
PASSING = (
    ".git/index",
    ".git/FETCH_HEAD",
    "_logs",
    "_update-notifier",
    "outputs",
    ".cargo-lock",
    "invoked.timestamp",
    ".rustc_info.json",
    ".modules.yaml",
    ".pnpm-workspace-state",
)


def cases():
    """Yield each line; those of large programs are slow."""
    for name in LINES:
        marks = [pytest.mark.slow] if name.startswith(SLOW) else []
        yield pytest.param(name, marks=marks)


def run(root, script, **options):
    """Run a script in the root, with a home and a cache of its own."""
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "HOME": str(root / "home"),
        "npm_config_cache": str(root / "npm"),
    }
    environment["CARGO_HOME"] = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
    environment["RUSTUP_HOME"] = os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup"))
    (root / "home").mkdir(exist_ok=True)
    return subprocess.run(["sh", "-e", "-c", script], cwd=root, env=environment, check=False, **options)


def tree(root):
    """Return kind, mode and content of everything."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            below = os.path.relpath(path, root)
            if any(part in below for part in PASSING) or below.startswith(("npm", "home")):
                continue
            status = os.lstat(path)
            content = ""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            found[below] = (oct(status.st_mode), content)
    return found


@pytest.mark.parametrize("name", [*cases()])
def test_a_program_that_is_only_watched(root, name):
    """The same names, kinds, contents, modes and links; all of its calls are in the journal."""
    if shutil.which(name.partition(" ")[0]) is None:
        pytest.skip(f"{name.partition(' ')[0]} is not here")
    assert 0 == run(root, LINES[name]).returncode
    alone = tree(root)
    shutil.rmtree(root)
    root.mkdir()
    with inject(roots=[root], profile="observe") as fsfault:
        assert 0 == run(root, LINES[name]).returncode
        assert len(fsfault.journal) > 20
        assert [] == fsfault.journal.faults
    watched = tree(root)
    assert alone == watched
    assert len(alone) > 3


RSYNC_AGAIN = "mkdir a b; echo a > a/x; echo bb > b/x; echo y > b/y"
PNPM_PACKED = PNPM.partition("pnpm add")[0]
PNPM_ADD = "cd app; pnpm add --offline --store-dir $HOME/store ../left/left-1.0.0.tgz"
# What comes before, a rule, the program, its exit status and what it says; once more without a fault it succeeds.
VERDICTS = {
    "busybox mv stays": ("echo a > a", "rename -> EACCES", "busybox mv a b", 1, "Permission denied"),
    "busybox mv copies to another device": ("echo a > a", "rename -> EXDEV", "busybox mv a b; mv b a", 0, ""),
    "rsync leaves no temporary file": (
        RSYNC_AGAIN, "rename to b/x -> EACCES", "rsync -a a/ b", 23, "Permission denied (13)"
    ),
    "rsync goes on after what is busy": (
        RSYNC_AGAIN, "os.remove b/y -> EBUSY", "rsync -a --delete a/ b", 23, "Device or resource busy (16)"
    ),
    "esbuild stops": (ESBUILD, "os.open out/1/o.js -> EACCES", "esbuild b.js --outfile=out/1/o.js", 1, "permission denied"),
    "pnpm copies what cannot be linked": (PNPM_PACKED, "os.link -> EPERM", PNPM_ADD, 0, ""),
    "pnpm does without a cached file": (PNPM_PACKED, "rename -> EPERM when once", PNPM_ADD, 0, ""),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name.startswith(SLOW) else []) for name in VERDICTS],
)
def test_a_fault_has_one_verdict(root, name):
    """Its exit status, what it says, and that a second run without a fault succeeds and leaves nothing temporary."""
    if shutil.which(name.partition(" ")[0]) is None:
        pytest.skip(f"{name.partition(' ')[0]} is not here")
    before, rule, line, status, says = VERDICTS[name]
    assert 0 == run(root, before).returncode
    with inject(rule, roots=[root], clock="real"):
        told = run(root, line, capture_output=True, text=True)
    assert (status, True) == (told.returncode, says in told.stderr)
    assert 0 == run(root, line, stdout=-3).returncode
    assert [] == [path for path in root.rglob(".*.??????") if path.is_file() and "home" not in path.parts]


def test_git_clone_cleans_up_after_itself(root):
    """One rename of an object refused: it fails, and leaves no directory."""
    assert 0 == run(root, "git init -q one; cd one; echo a > a; git add a; git commit -q -m a").returncode
    with inject("os.open two/.git/HEAD* -> EACCES when once", roots=[root], strict=False) as fsfault:
        told = run(root, "git clone -q one two", capture_output=True, text=True)
        assert 1 == len(fsfault.journal.faults)
    assert 0 != told.returncode
    assert not (root / "two").exists()


def test_git_checkout_goes_on_after_a_refused_unlink(root):
    """A warning, and exit status 0."""
    script = "git init -q -b main one; cd one; echo a > a; git add a; git commit -q -m a; git checkout -q -b b; git rm -q a; git commit -q -m b; git checkout -q main"
    assert 0 == run(root, script).returncode
    with inject("os.remove a -> EACCES", roots=[root]):
        told = run(root, "cd one; git checkout -q b", capture_output=True, text=True)
    assert (0, True) == (told.returncode, "unable to unlink" in told.stderr)
    assert (root / "one" / "a").exists()


@pytest.mark.slow
def test_npm_uninstall_leaves_a_hidden_directory(root):
    """One file is busy: exit status 0, and what it had moved away stays."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not here")
    assert 0 == run(root, NPM).returncode
    with inject("delete **/.left-*/index.js -> EBUSY", roots=[root]):
        told = run(root, "cd app; npm uninstall left", capture_output=True, text=True)
    assert 0 == told.returncode
    assert [] != list((root / "app" / "node_modules").glob(".left-*"))


@pytest.mark.slow
def test_cargo_clean_stops_half_way(root):
    """And the next build heals it."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not here")
    assert 0 == run(root, CARGO).returncode
    with inject("os.remove **/target/** -> EACCES when nth 3", roots=[root]):
        assert 0 != run(root, "cd crate; cargo clean -q", stderr=-3).returncode
    assert (root / "crate" / "target").exists()
    assert 0 == run(root, "cd crate; cargo build -q; ./target/debug/crate > /dev/null").returncode
