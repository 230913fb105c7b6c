# attacks: a setting that one request changes for the next
# expect: ok
# calls: 3
# settings: {"list": [{"a": []}]}
# forbid: SECRET-OF-REQUEST-1
# says: "before":0
def transform(request, context):
    inner = context.settings["list"][0]["a"]
    inner.append(request.json["secret"])
    return [{"before": len(inner) - 1, "again": len(context.settings["list"][0]["a"])}]
