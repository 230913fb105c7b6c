# attacks: where this machine stands, by a time without a zone
# expect: ok
# says: "hours":0.0
from gateway.toolbox import parse_time


def transform(request, context):
    moment = parse_time("2024-07-01T00:00:00Z")
    return [{"hours": moment.replace(tzinfo=None).timestamp() - moment.timestamp()}]
