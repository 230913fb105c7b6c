# attacks: a secret that lies across the limit of the log
# expect: ok
# forbid: the-signing-sec
# says: the log was cut at 16 KiB
def transform(request, context):
    print("x" * (16 * 1024 - 12), end="")
    print(context.secrets["signing_secret"] * 3)
    return [{"n": 1}]
