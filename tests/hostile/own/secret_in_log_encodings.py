# attacks: a secret in hexadecimal, percent encoding, quoted, in a dict, in a tuple and as bytes
# expect: ok
# forbid: 7369676e696e67
# says: "logs":"•••\\n•••\\n\[\\"•••\\"\]
from gateway.toolbox import dump_json


def transform(request, context):
    secret = context.secrets["signing_secret"]
    print(secret.encode().hex())
    print("".join([f"%{byte:02x}" if chr(byte) in "/+" else chr(byte) for byte in secret.encode()]))
    print(dump_json([secret]))
    print({"a": secret}, (secret,), secret.encode(), context.secrets)
    return [{"n": 1}]
