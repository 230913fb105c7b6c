# attacks: the CPU, for ever
# expect: killed
# says: limit: (cpu 0.25 s \(transform\)|wall_clock 1.0 s)
def transform(request, context):
    while True:
        pass
