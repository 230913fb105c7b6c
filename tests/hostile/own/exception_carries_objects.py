# attacks: exceptions that carry the request, the context and functions out, in a chain
# expect: error
# says: "status":"failed","stage":"transform","reason":"Carrier".*"is_authenticated":true
class Carrier(Exception):
    def __init__(self, *things):
        self.things = things


def transform(request, context):
    try:
        raise Carrier(request, context, transform)
    except Carrier as carrier:
        carrier.args = (carrier, context.secrets, {"a": carrier})
        raise Carrier(carrier) from carrier
