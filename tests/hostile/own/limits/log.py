# attacks: queue and database, with as much of a log as is kept
# expect: ok
# says: "logs":"(x{127}\\n){128}"
def transform(request, context):
    for _ in range(128):
        print("x" * 127)
