"""Which tests run on which tree: the base's on the base and on the patch's code, the patch's own apart."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.node import SCRIPTS
from sandbox.testing.box import Order
from sandbox.testing.overlap import overlaps
from sandbox.testing.settings import read_settings
from sandbox.testing.trees import Trees


@dataclass(frozen=True)
class Part:
    """Tests that run together, on one tree."""

    tree: str
    order: Order


class Orders:
    """The parts of one trusted run.

    base      the base's tests on the base
    patched   the base's tests on the patch's code, and apart from them the patch's new tests;
              what a new test file does cannot touch a base test
    """

    def __init__(self, trees: Trees, service: str, select: tuple[str, ...]) -> None:
        self.service = service
        self._select = select
        self._trees = trees
        old, new = self._chosen(trees.base_tests), self._chosen(trees.new_tests)
        plain = Order(service, old, select, trees.trusted(new_tests=False), tuple(sorted(trees.material)))
        plain = replace(plain, claiming=_scripts(trees.material))
        self.base = Part(trees.tree(patched_code=False, new_tests=False), plain)
        self.patched: list[Part] = []
        changes = trees.changes()
        if trees.changes_code:
            order = replace(plain, changes=changes, added_modules=trees.added_modules())
            self.patched.append(Part(trees.tree(patched_code=True, new_tests=False), order))
        if new:
            trusted = trees.trusted(new_tests=True)
            claiming = _scripts(trees.material | trees.helpers)
            order = replace(plain, files=new, trusted=trusted, claiming=claiming, changes=changes, calls=True)
            self.patched.append(Part(trees.tree(patched_code=True, new_tests=True), order))

    def settle(self, base: Path, plugins: Sequence[str]) -> None:
        """Take the settings from the base, which lies in a folder."""
        found = read_settings(base, self.service, self._trees.base_tests, plugins)
        self.base = Part(self.base.tree, replace(self.base.order, settings=found))
        self.patched = [Part(part.tree, replace(part.order, settings=found)) for part in self.patched]

    def inspect(self) -> tuple[tuple[str, str], ...]:
        """What of the patch's files no service needs: path and text each.

        Files that this interpreter cannot read are looked at in the box, by the service's own.
        Those that the service's history has are its own authors' work.
        """
        found = list(overlaps(self._trees))
        for change in self._trees.changes():
            try:
                news = change.suspects()
            except (SyntaxError, ValueError):
                continue
            if not news or self._trees.is_from_history(change.path):
                self.accept({change.path})
            else:
                found += news
        return tuple(found)

    def accept(self, paths: Collection[str]) -> None:
        """Look at these files no longer for what no service needs."""
        self.patched = [
            Part(part.tree, replace(part.order, changes=_without(part.order, paths))) for part in self.patched
        ]

    def turned(self) -> Part | None:
        """The base's tests on the patch's code, each claim turned around; None if there are none."""
        first = self.patched[0]
        if not first.order.files:
            return None
        return Part(first.tree, replace(first.order, twin=secrets.token_hex(16), changes=()))

    def turned_on_base(self, turned: Part) -> Part:
        """The same false claims on the base."""
        return Part(self.base.tree, replace(self.base.order, twin=turned.order.twin))

    def plainly(self) -> tuple[Part, Part, Part | None] | None:
        """The base, the patch, and that with its own tests as plain pytest runs them; None where none is run.

        Own tests may help the base's, or do them harm: these are to pass without them and beside them.
        """
        files, own = self.base.order.files, tuple(sorted(self._trees.new_tests))
        if not (files or own) or not self._trees.changes_code:
            return None
        select, whole = self._named_in(files), self._trees.tree(patched_code=True, new_tests=True)
        order = Order(self.service, files, select, self._trees.steering(), plain=True, apart=own)
        chosen = self._chosen(own)
        both = replace(order, files=(*files, *chosen), select=(*select, *self._named_in(chosen)), apart=())
        return Part(self.base.tree, order), Part(whole, order), Part(whole, both) if chosen else None

    def own_plainly(self) -> Part | None:
        """The patch's own tests by themselves, as plain pytest runs them; None where there are none."""
        chosen = self._chosen(tuple(sorted(self._trees.new_tests)))
        if not chosen:
            return None
        named = self._named_in(chosen) or chosen
        order = Order(self.service, chosen, named, self._trees.steering(), plain=True)
        return Part(self._trees.tree(patched_code=True, new_tests=True), order)

    def _named_in(self, files: Sequence[str]) -> tuple[str, ...]:
        return tuple(one for one in self._select if one.partition("::")[0] in files)

    def _chosen(self, files: Sequence[str]) -> tuple[str, ...]:
        wanted = {one.partition("::")[0] for one in self._select}
        return tuple(path for path in files if not wanted or path in wanted)


def _scripts(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(path for path in paths if path.endswith(SCRIPTS)))


def _without(order: Order, paths: Collection[str]) -> tuple[Any, ...]:
    return tuple(change for change in order.changes if change.path not in paths)
