# attacks: what a request printed before it failed, in the log of the next
# expect: ok error
# calls: 2
# forbid: SECRET-OF-REQUEST-1
def transform(request, context):
    if request.json["secret"] != "x":
        print(request.json["secret"])
        1 / 0
    return [{"n": 1}]
