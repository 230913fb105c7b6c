# attacks: the gateway's end of the wire, with bytes that are no frame
# expect: killed
# says: the sandbox broke
import os


def transform(request, context):
    os.write(3, request.body * 99)
    while True:
        pass
