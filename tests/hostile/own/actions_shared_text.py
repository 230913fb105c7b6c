# attacks: a text that is small in memory and 200 MB when it is written, in a library that crashes where memory ends
# expect: error killed
# says: limit: result 1 MiB
def transform(request, context):
    return [{"a": "x" * 200_000}] * 1000
