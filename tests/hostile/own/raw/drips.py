# attacks: the patience of the gateway, which waits for the rest of a frame
# expect: killed
# says: limit: (cpu|wall_clock)|the sandbox broke
import os


def transform(request, context):
    os.write(3, b"\x09\0\0")
    while True:
        pass
