# attacks: the memory of whoever keeps the log
# expect: error killed
# says: PermissionError|limit: (cpu|wall_clock)
def transform(request, context):
    while True:
        print("x" * 100_000)
