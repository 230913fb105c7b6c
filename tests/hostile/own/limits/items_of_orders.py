# attacks: the gateway that checks and the worker, with orders of nearly as many values as a result may have
# expect: ok
# says: "status":"applied"
def transform(request, context):
    items = [{"productID": str(number), "sku": "s", "name": "n"} for number in range(1000)]
    contact = {"identifiers": {"email": "items@example.com"}}
    for number in range(16):
        order = {"orderID": str(number), "purchaseDate": "2026-01-01T00:00:00Z", "status": "paid", "items": items}
        yield {"action": "upsertOrder", "contact": contact, **order}
