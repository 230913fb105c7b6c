"""Activities: what a contact did, each kept once.

The effect of an activity is the activity: there is no other table. What the action says of the contact is
an effect of its own. Without canBeUpdated it counts only as long as the action is the contact's creator.
"""

from collections.abc import Iterator

from gateway.actions.activities import Activity, ActivityContact, CreateContactActivities
from gateway.actions.fields import microseconds
from gateway.clock import iso
from gateway.store.effects import Effect, Kind
from gateway.worker.apply.clocks import dated
from gateway.worker.apply.contacts import identifying, said_of
from gateway.worker.apply.telling import Telling


def tell(telling: Telling, action: CreateContactActivities) -> Iterator[Effect]:
    contact = action.contact
    who = telling.contact(contact, further=further(contact), merge=contact.merge, is_creatable=contact.is_creatable)
    document = said_of(contact, who) | {"creates": contact.is_creatable, "is_conditional": not contact.is_updatable}
    yield telling.effect(who, Kind.CONTACT, document)
    for index, activity in enumerate(action.activities, 1):
        # By its own time, so that the newest are found by the index.
        at = dated(microseconds(activity.time), telling.clock_of(index))
        document = _document(activity) | {"origin": telling.origin}
        yield telling.effect(who, Kind.ACTIVITY, document, item_index=index, at=at)


def further(contact: ActivityContact) -> dict[str, str]:
    """Attributes that can never count name nobody either."""
    return identifying(contact.attributes) if contact.is_creatable or contact.is_updatable else {}


def _document(activity: Activity) -> dict[str, object]:
    return {
        "name": activity.name,
        "time": iso(microseconds(activity.time)),
        "properties": activity.properties,
        "geo": activity.geo,
        "device": activity.device,
    }
