"""Generic: any sender that can post JSON with an API key of this source.

There is no `authenticate`: a request without a key of the source never gets here. A body is one entry or a
list of them. An entry with an "action" is taken as it is; any other names a person, and perhaps what they did:

    {"id": 7, "email": "jo@example.com", "attributes": {"plan": "gold"}, "event": "signed up", "properties": {…}}

Where your sender has these things elsewhere, change the paths in the source's settings.
"""

from gateway.toolbox import (
    Ignore, contact_activity, create_contact_activities, normalize_email, normalize_phone, parse_time, search_json,
    upsert_contact,
)


def transform(request, context):
    entries = request.json if isinstance(request.json, list) else [request.json]
    actions = [action for entry in entries for action in actions_of(entry, request.received_at, context.settings)]
    if not actions:
        raise Ignore(f"nobody is named: neither {context.settings['id_path']} nor {context.settings['email_path']}")
    return actions


def actions_of(entry, received_at, settings):
    if not isinstance(entry, dict):
        raise ValueError(f"an entry is an object with an id or an e-mail address, not {entry!r}"[:200])
    if "action" in entry:
        return [entry]
    contact = person(entry, settings)
    return list(told(entry, contact, time_at(entry, settings) or received_at, settings)) if contact else []


def told(entry, contact, at, settings):
    attributes = found(entry, settings["attributes_path"])
    yield upsert_contact(
        **contact, attributes=attributes if isinstance(attributes, dict) else None, merge_allowed=True, occurred_at=at
    )
    event = found(entry, settings["event_path"])
    if isinstance(event, str) and event.strip():
        properties = found(entry, settings["properties_path"])
        activity = contact_activity(event.strip()[:250], at, properties if isinstance(properties, dict) else None)
        who = {**contact, "can_be_created": True, "merge_options": {"merge_allowed": True}}
        yield create_contact_activities(contact=who, activities=[activity], occurred_at=at)


def person(entry, settings):
    email, phone = found(entry, settings["email_path"]), found(entry, settings["phone_path"])
    named = {
        settings["identifier_key"]: found(entry, settings["id_path"]),
        "email": normalize_email(email) if isinstance(email, str) else None,
        "phone": normalize_phone(phone) if isinstance(phone, str) and settings["identify_by_phone"] else None,
    }
    identifiers = {name: value for name, value in named.items() if value and isinstance(value, (str, int))}
    priority = [settings["identifier_key"], "email"]
    return {"identifiers": identifiers, "identifiers_priority": priority} if identifiers else None


def found(entry, path):
    """Paths are JMESPath: `user.email`, `contacts[0].id`, `data.mail || email`. An empty one finds nothing."""
    return search_json(path, entry) if path else None


def time_at(entry, settings):
    """A time that cannot be read is an error that people see: it would decide wrongly what is newer."""
    value = found(entry, settings["time_path"])
    return parse_time(value, zone=settings["zone"] or None) if value else None
