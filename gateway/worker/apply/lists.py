"""Lists: who is put on one, who is taken off. Membership is a register: whoever spoke last is right."""

from collections.abc import Iterator

from gateway.actions.lists import AddContactsToList, ContactRefs, RemoveContactsFromList
from gateway.store.effects import Effect, Kind
from gateway.worker.apply.identity import Named
from gateway.worker.apply.telling import Telling


def tell_addition(telling: Telling, action: AddContactsToList) -> Iterator[Effect]:
    telling.lists.need(action.list_name, is_creatable=action.is_list_creatable)
    yield from _tell(telling, action.contacts, action.list_name, is_member=True)


def tell_removal(telling: Telling, action: RemoveContactsFromList) -> Iterator[Effect]:
    yield from _tell(telling, action.contacts, action.list_name, is_member=False)


def _tell(telling: Telling, contacts: ContactRefs, name: str, *, is_member: bool) -> Iterator[Effect]:
    document = {"list": name, "is_member": is_member}
    for index, identifiers in enumerate(contacts.identifiers):
        who = telling.meet(Named(identifiers, contacts.priority))
        yield telling.effect(who, Kind.MEMBER, document, item_index=index)
