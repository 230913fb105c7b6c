# attacks: the memory, a MiB at a time
# expect: killed
# says: limit: memory 64 MiB|the sandbox (crashed|ended)
def transform(request, context):
    kept = []
    while True:
        kept.append(bytearray(1 << 20))
