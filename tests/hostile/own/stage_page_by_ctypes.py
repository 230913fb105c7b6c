# attacks: the page on which the child notes its stage
# expect: reject
# says: only gateway.toolbox can be imported
import mmap


def transform(request, context):
    return [{"n": mmap.mmap(-1, 4096)}]
