# attacks: its own process, which ends as if all were well
# expect: killed
# says: the sandbox ended
import os


def transform(request, context):
    os._exit(0)
