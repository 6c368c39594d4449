#!/usr/bin/python3
"""cose_check.py FILE ID NETWORK: is FILE a record of that id? See README.md."""
import hashlib
import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def main():
    with open(sys.argv[1], "rb") as f:
        tag = cbor2.load(f)
    if tag.tag != 18:
        return "not a COSE_Sign1"
    protected, unprotected, payload, signature = tag.value
    header = cbor2.loads(protected)
    if header[1] != -8 or unprotected != {}:
        return "not EdDSA, or an unprotected header"
    aad = ("lyceum/1/" + sys.argv[3]).encode()
    tbs = cbor2.dumps(["Signature1", protected, aad, payload])
    if hashlib.sha256(tbs).hexdigest() != sys.argv[2]:
        return "another id"
    Ed25519PublicKey.from_public_bytes(header[4]).verify(signature, tbs)
    cbor2.loads(payload)
    return None


try:
    why = main()
except (InvalidSignature, ValueError, KeyError, AttributeError, TypeError) as e:
    why = repr(e)
print(why or "good")
sys.exit(1 if why else 0)
