"""Identity: which contact is meant, and which two turn out to be one.

Takes identifiers in order of priority, gives one contact. Identity only grows: what once named a
contact names it for ever, and a merge is never undone. All in memory: `load` brings what a batch names,
`owners` and `moves` say afterwards what is different. A step that fails is taken back by `rollback`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.actions.contacts import MergeOptions
from gateway.actions.fields import DEFAULT_PRIORITY
from gateway.store.contacts import newest_contact_id
from gateway.store.engine import Connection
from gateway.store.identifiers import Identifier, find_owners, load_held


@dataclass(frozen=True, slots=True)
class Named:
    """How an action names a contact. `further` are joined to it, but nobody is looked up by them."""

    identifiers: Mapping[str, str]
    priority: Sequence[str] = ()
    further: Mapping[str, str] = field(default_factory=dict)
    merge: MergeOptions | None = None  # None: never merges, and never waits for the leave to
    is_creatable: bool = True


@dataclass(frozen=True, slots=True)
class Who:
    contact_id: int
    identifiers: dict[str, str]  # those of the named ones that are the contact's now
    further: dict[str, str]
    notes: list[str]


class Lacking(Exception):
    """The event has to wait: until one of `names` comes (identifiers; for a list, an empty key and its name)."""

    def __init__(self, kind: str, names: Iterable[Identifier], reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.names = tuple(names)
        self.reason = reason


class Nobody(Exception):
    """All identifiers are ignored ones: no contact is named."""


def written(identifier: Identifier) -> str:
    return f"{identifier[0]}:{identifier[1]}"


def in_order(identifiers: Mapping[str, str], priority: Sequence[str]) -> list[Identifier]:
    """Sort by the action's priority, then by the default one, then by name."""
    places = {key: place for place, key in reversed(list(enumerate([*priority, *DEFAULT_PRIORITY])))}
    return sorted(identifiers.items(), key=lambda pair: (places.get(pair[0], len(places) + len(priority)), pair[0]))


class Identity:
    def __init__(self, values_max: int, ignored: Collection[str]) -> None:
        self.owners: dict[Identifier, int] = {}
        self.moves: dict[int, int] = {}  # merged contact -> the one that it went into
        self._held: dict[int, set[Identifier]] = {}
        self._values_max = values_max
        self._ignored = frozenset(ignored)
        self._looked_up: set[Identifier] = set()
        self._stored: dict[Identifier, int] = {}
        self._newest_stored = self._newest = -1
        self._undo: list[Callable[[], object]] = []

    # What the database knows

    def load(self, connection: Connection, wanted: Collection[Identifier]) -> None:
        """Bring the owners of these identifiers, and all that those owners are known by."""
        if self._newest < 0:
            self._newest_stored = self._newest = newest_contact_id(connection)
        unknown = set(wanted) - self._looked_up
        self._looked_up |= unknown
        found = set(find_owners(connection, unknown).values()) - self._held.keys() - self.moves.keys()
        for identifier, contact in load_held(connection, found).items():
            self._stored[identifier] = self.owners[identifier] = contact
            self._held.setdefault(contact, set()).add(identifier)

    def changed_owners(self) -> dict[Identifier, int]:
        return {identifier: owner for identifier, owner in self.owners.items() if self._stored.get(identifier) != owner}

    def stored_moves(self) -> dict[int, int]:
        """Give the merges of contacts that have rows: each to where it is in the end."""
        return {loser: self.find(loser) for loser in self.moves if loser <= self._newest_stored}

    def new_contacts(self) -> set[int]:
        return {contact for contact in self._held if contact > self._newest_stored}

    def find(self, contact: int) -> int:
        while contact in self.moves:
            contact = self.moves[contact]
        return contact

    # One step of an action

    def meet(self, named: Named) -> Who:
        """Find or create the contact and join all that names it. Raises Lacking or Nobody, having changed things."""
        usable = [one for one in in_order(named.identifiers, named.priority) if written(one) not in self._ignored]
        if not usable:
            raise Nobody
        contact = self._first_hit(usable)
        if contact is None:
            if not named.is_creatable:
                raise Lacking("contact", usable, f"waits for contact {' or '.join(map(written, usable))}")
            contact = self._create()
        further = [one for one in named.further.items() if written(one) not in self._ignored]
        notes = self._join_all(contact, [*usable, *further], named)
        return Who(contact, self._theirs(contact, usable), self._theirs(contact, further), notes)

    def _first_hit(self, usable: Sequence[Identifier]) -> int | None:
        """Take the first owner; one that has no room for what is named before it is not meant (a shared phone)."""
        for place, identifier in enumerate(usable):
            owner = self.owners.get(identifier)
            if owner is None:
                continue
            before = [one for one in usable[:place] if one not in self.owners]
            if all(self._has_room(owner, [one]) for one in before):
                return owner
        return None

    def _join_all(self, contact: int, identifiers: Iterable[Identifier], named: Named) -> list[str]:
        notes, conflicts = [], []
        for identifier in identifiers:
            owner = self.owners.get(identifier)
            if owner == contact:
                continue
            if not self._has_room(contact, [identifier] if owner is None else self._held[owner]):
                notes.append(f"shared identifier {written(identifier)}: not joined to {self._describe(contact)}")
            elif owner is None:
                self._join(contact, identifier)
            elif named.merge is not None and named.merge.allow(identifier[0]):
                self._merge(contact, owner)
            else:
                conflicts.append((identifier, owner))
        if conflicts and named.merge is not None:
            raise self._not_allowed(contact, conflicts)
        return notes + [
            f"conflict: {written(identifier)} belongs to {self._describe(owner)}; {self._describe(contact)} was used"
            for identifier, owner in conflicts
        ]

    def _not_allowed(self, contact: int, conflicts: Sequence[tuple[Identifier, int]]) -> Lacking:
        belongs = "; ".join(f"{written(one)} belongs to {self._describe(owner)}" for one, owner in conflicts)
        names = [self._first(contact), *(identifier for identifier, _ in conflicts)]
        return Lacking("merge", names, f"waits for the leave to merge into {self._describe(contact)}: {belongs}")

    def _has_room(self, contact: int, more: Iterable[Identifier]) -> bool:
        both = self._held[contact].union(more)
        return len(both) <= self._values_max or max(Counter(key for key, _ in both).values()) <= self._values_max

    def _theirs(self, contact: int, identifiers: Iterable[Identifier]) -> dict[str, str]:
        return {key: value for key, value in identifiers if self.owners.get((key, value)) == contact}

    def _first(self, contact: int) -> Identifier:
        held = dict(sorted(self._held[contact], reverse=True))
        return in_order(held, ())[0]

    def _describe(self, contact: int) -> str:
        held = self._held[contact]
        return f"the contact {written(self._first(contact))}" if held else "a new contact"

    # What changes, and how it is taken back

    def mark(self) -> None:
        self._undo.clear()

    def rollback(self) -> None:
        """Take back all since the last mark."""
        while self._undo:
            self._undo.pop()()

    def _create(self) -> int:
        self._newest += 1
        contact = self._newest
        self._held[contact] = set()
        self._undo.append(lambda: self._held.pop(contact))
        return contact

    def _join(self, contact: int, identifier: Identifier) -> None:
        self.owners[identifier] = contact
        self._held[contact].add(identifier)

        def part() -> None:
            del self.owners[identifier]
            self._held[contact].discard(identifier)

        self._undo.append(part)

    def _merge(self, contact: int, other: int) -> None:
        taken = self._held.pop(other)
        self._held[contact] |= taken
        self.moves[other] = contact
        self.owners.update(dict.fromkeys(taken, contact))

        def part() -> None:
            del self.moves[other]
            self._held[other] = taken
            self._held[contact] -= taken
            self.owners.update(dict.fromkeys(taken, other))

        self._undo.append(part)
