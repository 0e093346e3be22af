"""Scanners: which files they open after a write, for how long, and sharing what."""

from __future__ import annotations

import math
import random
import re
from fnmatch import translate
from functools import cache
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING

from pytest_fsfault._core.language.deferred import deferred
from pytest_fsfault._core.language.frozen import dataclass
from pytest_fsfault._core.language.mistakes import FsFaultError, nearest
from pytest_fsfault._core.language.tokens import duration, duration_text
from pytest_fsfault._windows.sharing import bits, letters

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True

NAMES = ("defender", "trellix", "crowdstrike", "avast", "mcafee", "zscaler", "indexer")
# The figures of a scanner without a description.
_USUAL: dict[str, object] = {
    "hold": "31ms..800ms", "share": "r", "on": "*.exe,*.dll,*.pyd,*.py", "delay": "0ms"
}  # fmt: skip
_P99 = 2.3263478740408408  # standard deviations from the median to the 99th percentile
_LARGEST = 709.0  # what `math.exp` still returns
_FORMS = "'31ms..800ms' (a range), 'lognormal(31ms, 265ms)' (median and 99th percentile) or '250ms'"
# The time that 99 of 100 files are held for at most, for each of them: nothing is drawn.
_WORST = "p99"
_FUNCTION = deferred(r"(\w+)\(([^,()]*),([^,()]*)\)\s*\Z")


@dataclass(frozen=True)
class HoldTime:
    """A time that is drawn anew for each file, in seconds: between two ends, or log-normal by median and p99."""

    low: float
    high: float
    lognormal: bool = False

    @staticmethod
    def parse(name: str, text: object) -> HoldTime:
        """Return the time that `text` describes; `name` is the argument that it was given for."""
        if not isinstance(text, str):
            raise FsFaultError(f"{name}={text!r} is not a time; write {_FORMS}")
        function = _FUNCTION.match(text.strip())
        if function is not None:
            return _lognormal(name, text, function)
        low, dots, high = text.partition("..")
        time = HoldTime(_seconds(name, text, low), _seconds(name, text, high if dots else low))
        if time.high < time.low:
            raise FsFaultError(f"{name}={text!r} ends before it begins; write the shorter time first")
        return time

    def __str__(self) -> str:
        low, high = duration_text(self.low), duration_text(self.high)
        if self.lognormal:
            return f"lognormal({low}, {high})"
        return low if self.low == self.high else f"{low}..{high}"

    @property
    def median(self) -> float:
        """The time that half of the files are held for at most, in seconds."""
        return self.low if self.lognormal else (self.low + self.high) / 2

    @property
    def p99(self) -> float:
        """The time that 99 of 100 files are held for at most, in seconds."""
        return self.high if self.lognormal else self.low + (self.high - self.low) * 0.99

    def draw(self, luck: random.Random) -> float:
        """Return one time, in seconds."""
        if self.low == self.high:
            return self.low  # draws nothing: a constant delay leaves the holds that follow as they are
        if not self.lognormal:
            return luck.uniform(self.low, self.high)
        median, p99 = math.log(self.low), math.log(self.high)
        return math.exp(min(median + luck.gauss(0.0, 1.0) * (p99 - median) / _P99, _LARGEST))


def _lognormal(name: str, text: str, found: re.Match[str]) -> HoldTime:
    if found[1] != "lognormal":
        hint = nearest(found[1], ["lognormal"]) or f"; write {_FORMS}"
        raise FsFaultError(f"{name}={text!r}: {found[1]!r} is not a known distribution{hint}")
    median, p99 = (_seconds(name, text, part) for part in found.group(2, 3))
    if not 0 < median < p99:
        raise FsFaultError(
            f"{name}={text!r} is not valid: the 99th percentile has to be above the median, that above 0"
        )
    return HoldTime(median, p99, lognormal=True)


def _seconds(name: str, whole: str, part: str) -> float:
    try:
        return duration(part.strip())
    except FsFaultError:
        raise FsFaultError(
            f"{name}={whole!r}: {part.strip()!r} is not a valid duration; write {_FORMS}"
        ) from None


@dataclass(frozen=True)
class Scanner:
    """One actor that opens fresh files for a while."""

    name: str
    hold: HoldTime
    share: int
    on: tuple[str, ...]
    delay: HoldTime
    process: str = ""  # the program that it is, as a message names it

    @property
    def drawn(self) -> bool:
        """Whether chance decides from when to when it holds a file."""
        return any(time.low != time.high for time in (self.hold, self.delay))

    def concerns(self, name: str) -> bool:
        """Return whether a file of this name is looked at; case does not matter."""
        return _any_of(self.on).match(name) is not None

    def __str__(self) -> str:
        return f"{self.name}: hold {self.hold}, share {letters(self.share)!r}, on {','.join(self.on)}, delay {self.delay}"


@cache
def _any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, globs)), re.IGNORECASE)


def scanner(
    name: str | None = None, *, hold: str | None = None, share: str | None = None,
    on: str | list[str] | tuple[str, ...] | None = None, delay: str | None = None,
) -> Scanner:  # fmt: skip
    """Return a known scanner, or one of your own making; keywords take the place of a known one's figures.

    Args:
        name: one of `NAMES`, or None.
        hold: how long it has a file open, a time as `HoldTime` reads it, or ``"p99"``, the known one's 99th percentile.
        share: letters out of r, w and d.
        on: globs of file names, separated by commas, or a list of them.
        delay: how long after the write it opens the file, a time as well.

    """
    given = {"hold": hold, "share": share, "on": on, "delay": delay}
    figures = _USUAL | ({} if name is None else _known(name))
    figures |= {key: value for key, value in given.items() if value is not None}
    if hold == _WORST:
        figures["hold"] = _worst(name)
    lasts = HoldTime.parse("hold", figures["hold"])
    if not lasts.high:
        raise FsFaultError(f"hold={figures['hold']!r} holds nothing; write a time above 0")
    after = HoldTime.parse("delay", figures["delay"])
    process = "" if name is None else _table()[name]["process"]
    return Scanner(name or "scanner", lasts, _share(figures["share"]), _globs(figures["on"]), after, process)


def _worst(name: str | None) -> str:
    if name is None:
        raise FsFaultError(f"hold={_WORST!r} needs a known scanner; write its name, or hold= {_FORMS}")
    return duration_text(HoldTime.parse("hold", _known(name)["hold"]).p99)


def _known(name: object) -> dict[str, object]:
    if not isinstance(name, str) or name not in NAMES:
        hint = nearest(name, NAMES) if isinstance(name, str) else ""
        known = f"; write {', '.join(NAMES[:-1])} or {NAMES[-1]}"
        raise FsFaultError(f"unknown scanner {name!r}{hint or known}")
    return {key: value for key, value in _table()[name].items() if key in _USUAL}


@cache
def processes() -> dict[str, str]:
    """Return the product of each process that is known to open other programs' files, by its name in lower case."""
    named = {each["process"].partition(" (") for each in _table().values()}
    known = {process.lower(): product.removesuffix(")") for process, _, product in named}
    return known | {name.lower(): product["product"] for name, product in _data()["processes"].items()}


def _table() -> dict[str, dict[str, str]]:
    return _data()["scanners"]


@cache
def _data() -> dict[str, dict[str, dict[str, str]]]:
    import tomllib  # noqa: PLC0415  # for who asks for a known one

    # As the import system reads: no rule refuses it, and under pyfakefs it sees the real file. Not by the
    # package's own loader, which under pytest is the one that rewrites asserts and calls `open`.
    path = __file__.removesuffix(".py") + ".toml"
    return tomllib.loads(SourceFileLoader(__name__, path).get_data(path).decode())


def _share(text: object) -> int:
    try:
        if isinstance(text, str):
            return bits(text)
    except KeyError:
        pass
    raise FsFaultError(
        f"share={text!r} is not valid; write letters out of r (read), w (write) and d (delete)"
    )


def _globs(text: object) -> tuple[str, ...]:
    listed = text if isinstance(text, (list, tuple)) else [text]
    texts = [each for each in listed if isinstance(each, str)]
    globs = tuple(glob.strip().lower() for each in texts for glob in each.split(","))
    if len(texts) == len(listed) and globs and all(globs):
        return globs
    raise FsFaultError(
        f"on={text!r} names no files; write globs separated by commas, such as on='*.exe,*.dll'"
    )


class Draws:
    """The luck of one session: one generator for each scanner and path, so that no file changes another's fate."""

    def __init__(self, seed: int | str) -> None:
        self._seed = seed
        self._lucks: dict[tuple[str, str], random.Random] = {}

    def waits(self, scanner: Scanner, path: str) -> float:
        """Return how long it takes until the scanner opens the file, in seconds."""
        return scanner.delay.draw(self._luck(scanner, path))

    def seconds(self, scanner: Scanner, path: str) -> float:
        """Return for how long the scanner holds the file, in seconds."""
        return scanner.hold.draw(self._luck(scanner, path))

    def _luck(self, scanner: Scanner, path: str) -> random.Random:
        key = scanner.name, path
        if key not in self._lucks:
            self._lucks[key] = random.Random(f"{self._seed}|{scanner.name}|{path}")  # noqa: S311  # no secret
        return self._lucks[key]


def facts(named: Collection[str] = (), others: Iterable[Scanner] = ()) -> list[dict[str, object]]:
    """Return the entries of `scanners` in the schema: the known ones, `named` or not, and others; times in seconds."""
    known = [_facts(scanner(name), _table()[name], acts=name in named) for name in NAMES]
    return [*known, *(_facts(other, {}, acts=True) for other in others)]


def _facts(one: Scanner, published: Mapping[str, str], *, acts: bool) -> dict[str, object]:
    hold = one.hold
    return {
        "name": one.name,
        "acts": acts,
        "process": one.process,
        "hold": str(hold),
        "median": hold.median,
        "p99": hold.p99,
        "range": None if hold.lognormal else [hold.low, hold.high],
        "delay": str(one.delay),
        "share": letters(one.share),
        "on": list(one.on),
        "source": published.get("source"),
        "note": published.get("note"),
    }


def listing() -> Iterator[tuple[str, str]]:
    """Yield each known scanner with what it does."""
    for name in NAMES:
        yield name, str(scanner(name)).partition(": ")[2]
