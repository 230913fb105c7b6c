# attacks: half characters in keys, values, the log and the reason
# expect: error
# says: an action is not JSON
def transform(request, context):
    print("\ud800")
    return [{"\udfff": "\ud800"}]
