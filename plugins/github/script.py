"""GitHub: who does what in your repositories, who sponsors you, who bought your app.

A person is known by `github_id` (the account's number), never by login: logins change owners. What somebody
does becomes an activity "Issue Opened", "Star Created" …; sponsorships and purchases are kept as records.
"""

from gateway.toolbox import (
    Ignore, contact_activity, create_contact_activities, get_path, money, normalize_email, parse_json, parse_time,
    upsert_contact, upsert_supplement_records, verify_github,
)


def authenticate(request, context):
    return verify_github(request, context.secrets["signing_secret"])


def transform(request, context):
    event = request.headers.get("X-GitHub-Event", "")
    body = payload(request)
    if event not in HANDLERS:
        raise Ignore(IGNORED.get(event, f"{event or 'no event'}: says nothing about a person"))
    if not isinstance(body, dict):
        raise Ignore(f"{event}: the body is not an object")
    times = [get_path(body, path) for path in TIMES.get(event, ())]
    at = first_time(*times) or request.received_at
    return HANDLERS[event](event, body, at, context.settings)


def payload(request):
    """A webhook may be set to application/x-www-form-urlencoded: then the JSON is in a field."""
    return parse_json(request.form.get("payload") or "null") if "form" in request.content_type else request.json


def did(event, body, at, settings):
    """Whoever sent the event did it."""
    yield activity(settings, body.get("sender"), event, body, at)


def pushed(event, body, at, settings):
    """A push may name the address of the one who pushed; GitHub's own placeholder addresses are nobody's."""
    sender, pusher = body.get("sender") or {}, body.get("pusher") or {}
    email = email_of(pusher.get("email"))
    if email and pusher.get("name") == sender.get("login") and not email.endswith("noreply.github.com"):
        sender = {**sender, "email": email}
    yield activity(settings, sender, event, body, at)


def joined(event, body, at, settings):
    """Somebody was made a member, or is one no longer: it is about them, not about who did it."""
    yield activity(settings, body.get("member") or get_path(body, "membership.user"), event, body, at)


def sponsored(event, body, at, settings):
    sponsorship = body.get("sponsorship") or {}
    if body.get("action") == "created":
        at = first_time(sponsorship.get("created_at")) or at
    tier = sponsorship.get("tier") or {}
    contact = person(settings, sponsorship.get("sponsor") or body.get("sender"))
    yield upsert_contact(**contact, merge_allowed=True, occurred_at=at)
    fields = {
        "id": sponsorship.get("node_id"),
        "status": "cancelled" if body.get("action") == "cancelled" else "active",
        "tier": tier.get("name"),
        "monthly_price": cents(tier.get("monthly_price_in_cents")),
        "privacy_level": sponsorship.get("privacy_level"),
        "sponsored": get_path(sponsorship, "sponsorable.login"),
        "created_at": sponsorship.get("created_at"),
    }
    yield record(contact, "github_sponsorships", fields, at)
    yield activity(settings, sponsorship.get("sponsor") or body.get("sender"), event, body, at)


def purchased(event, body, at, settings):
    purchase = body.get("marketplace_purchase") or {}
    plan, account = purchase.get("plan") or {}, purchase.get("account") or {}
    contact = person(settings, body.get("sender"))
    yield upsert_contact(**contact, merge_allowed=True, occurred_at=at)
    fields = {
        "id": account.get("id"),
        "account": account.get("login"),
        "account_type": account.get("type"),
        "status": "cancelled" if body.get("action") == "cancelled" else "active",
        "plan": plan.get("name"),
        "billing_cycle": purchase.get("billing_cycle"),
        "unit_count": purchase.get("unit_count"),
        "on_free_trial": purchase.get("on_free_trial"),
        "next_billing_date": purchase.get("next_billing_date"),
    }
    yield record(contact, "github_marketplace_purchases", fields, at)
    yield activity(settings, body.get("sender"), event, body, at)


def person(settings, account):
    """Name an account, with what is known of it. Robots and organisations are no contacts."""
    account = account or {}
    if account.get("type", "User") != "User" or (account.get("login") or "").endswith("[bot]"):
        raise Ignore(f"no person: the account {account.get('login')} is of the type {account.get('type')}")
    identifiers = chosen({settings["identifier_key"]: account.get("id"), "email": email_of(account.get("email"))})
    if not identifiers:
        raise Ignore("nobody is named")
    return {
        "identifiers": identifiers,
        "identifiers_priority": [settings["identifier_key"], "email"],
        "attributes": chosen({"github_login": account.get("login"), "name": account.get("name")}),
    }


def activity(settings, account, event, body, at):
    contact = {**person(settings, account), "can_be_created": True, "can_be_updated": True}
    contact["merge_options"] = {"merge_allowed": True}
    name = f"{NAMES.get(event, event)} {body.get('action') or ''}".replace("_", " ").strip().title()
    return create_contact_activities(
        contact=contact, activities=[contact_activity(name, at, properties_of(body))], occurred_at=at
    )


def properties_of(body):
    """The few things that every event may have, whichever it is: where, on what, with which words."""
    found = {name: get_path(body, path) for name, path in PROPERTIES.items()}
    thing = next((body[key] for key in THINGS if isinstance(body.get(key), dict)), {})
    about = {name: thing.get(name) for name in ("number", "title", "name", "tag_name", "state", "html_url")}
    return chosen({**found, **about})


def record(contact, supplement, fields, at):
    if not fields["id"]:
        raise Ignore(f"{supplement}: a record without an id")
    return upsert_supplement_records(
        contact={name: contact[name] for name in ("identifiers", "identifiers_priority")},
        supplement=supplement,
        records=[{**chosen(fields), "updated_at": at}],
        updated_date_field="updated_at",
        occurred_at=at,
    )


def chosen(fields):
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def email_of(text):
    return normalize_email(text) if isinstance(text, str) else None


def cents(value):
    return money(value, minor_units=2) if isinstance(value, int) else None


def first_time(*values):
    for value in values:
        try:
            return parse_time(value)
        except (TypeError, ValueError):
            continue
    return None


# Where "<event> <action>" would not read well as the name of an activity.
NAMES = {
    "issues": "issue",
    "push": "commits pushed",
    "fork": "repository forked",
    "create": "branch or tag created",
    "delete": "branch or tag deleted",
    "gollum": "wiki edited",
    "public": "repository made public",
}

# The thing that an event is about; the first that is there counts.
THINGS = (
    "comment", "review", "answer", "discussion", "pull_request", "issue", "release", "forkee", "team", "deployment",
)
PROPERTIES = {
    "repository": "repository.full_name",
    "organization": "organization.login",
    "ref": "ref",
    "ref_type": "ref_type",
    "head_commit": "head_commit.id",
    "message": "head_commit.message",
    "label": "label.name",
    "page": "pages.0.title",
    "tier": "sponsorship.tier.name",
    "plan": "marketplace_purchase.plan.name",
}

# Where an event says when it happened. The others do not say it: for them the time of receipt counts.
TIMES = {
    "star": ["starred_at"],
    "fork": ["forkee.created_at"],
    "push": ["repository.pushed_at", "head_commit.timestamp"],
    "issues": ["issue.updated_at"],
    "issue_comment": ["comment.updated_at"],
    "commit_comment": ["comment.updated_at"],
    "discussion": ["discussion.updated_at"],
    "discussion_comment": ["comment.updated_at"],
    "pull_request": ["pull_request.updated_at"],
    "pull_request_review": ["review.submitted_at", "pull_request.updated_at"],
    "pull_request_review_comment": ["comment.updated_at"],
    "pull_request_review_thread": ["pull_request.updated_at"],
    "release": ["release.published_at", "release.created_at"],
    "deployment": ["deployment.updated_at"],
    "marketplace_purchase": ["effective_date"],
}

HANDLERS = {
    **dict.fromkeys(TIMES, did),
    **dict.fromkeys(["create", "delete", "gollum", "installation", "public"], did),
    "push": pushed,
    "member": joined,
    "membership": joined,
    "organization": joined,
    "sponsorship": sponsored,
    "marketplace_purchase": purchased,
}

IGNORED = {
    "ping": "GitHub says hello: the webhook is set up",
    "watch": "star says the same, and when",
    "github_app_authorization": "somebody took back your app's leave: nothing to keep",
}
