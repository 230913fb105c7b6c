# attacks: the gateway that checks and the worker, with ten thousand phones that are right
# expect: ok
# says: "status":"applied"
def transform(request, context):
    for start in range(0, 10_000, 1000):
        phones = [{"phone": f"+4366012{number:05}"} for number in range(start, start + 1000)]
        yield {"action": "addContactsToList", "listName": "everybody", "contacts": {"identifiers": phones}}
