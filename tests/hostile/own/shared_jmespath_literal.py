# attacks: compiled expressions are kept between requests, and a literal in one is a list that can be written to
# expect: ok
# calls: 2
# forbid: SECRET-OF-REQUEST-1
# says: "seen":\[\]
from gateway.toolbox import search_json


def transform(request, context):
    kept = search_json("`[]`", {})
    seen = [str(item) for item in kept]
    kept.append(request.json["secret"])
    return [{"seen": seen}]
