#!/usr/bin/env python3
"""Judges all vectors in this folder once more, independently of the Rust code.

What is used of others: `cwt` for COSE and its signatures, `cbor2` to read claims a second time, and `cryptography`
below `cwt` for Ed25519. What is done here, because those packages are lenient or do not know of it: that there is one
spelling (strict.py), which bytes are a key (points.py), the header `typ` and who may say what (documents.py), the
claims (claims.py), and the texts (texts.py).

Prints a summary. Ends with 1 when a verdict differs, or when a file is missing or lost its vectors.
"""

import json
import sys
from pathlib import Path

import documents
import texts
from strict import Refused

TEXTS = {"armor": texts.armor, "product-string": texts.product, "code": texts.code}
SIGNED = {"key-set", "pass", "portable-pass", "key-delivery", "refusal", "receipt", "offer", "request", "agreement"}
SIGNED |= {"image-manifest"}
SIGNED |= documents.REPORTS
ALL = SIGNED | set(TEXTS) | {"message"}
LEAST_GOOD, LEAST_BAD = 1, 5


def unhex(text):
    """Hexadecimal digits, with `xx*count` for a byte that repeats."""
    parts = (part.partition("*") for part in text.split())
    return b"".join(bytes.fromhex(digits) * int(count or 1) for digits, _, count in parts)


def judge(document, trusts, vector):
    """("accepted", claims) or ("refused", name of the error)."""
    try:
        if document in TEXTS:
            return "accepted", TEXTS[document](vector["text"])
        if document == "message":
            return "accepted", texts.message(unhex(vector["hex"]))
        return "accepted", documents.judge(document, trusts[vector["trust"]], unhex(vector["hex"]))
    except Refused as refused:
        return "refused", refused.name


def expected(vector):
    if ("claims" in vector) == ("refused" in vector):
        raise ValueError("a vector has either claims or a refusal")
    return ("accepted", vector["claims"]) if "claims" in vector else ("refused", vector["refused"])


def check(document, file):
    """Differences, and how many were accepted and refused."""
    differences, counts = [], {"accepted": 0, "refused": 0}
    for vector in file["vectors"]:
        try:
            judged, wanted = judge(document, file.get("trust", {}), vector), expected(vector)
        except Exception as error:  # A checker that fails must not pass for one that agrees.
            differences.append(f"{document} / {vector.get('name')}: the checker failed: {error!r}")
            continue
        counts[judged[0]] += 1
        if judged != wanted:
            differences.append(f"{document} / {vector['name']}: {judged}, but the file says {wanted}")
    if counts["accepted"] < LEAST_GOOD or counts["refused"] < LEAST_BAD:
        differences.append(f"{document}: too few vectors: {counts}")
    return differences, counts


def main(folder):
    differences, total = [], {"accepted": 0, "refused": 0}
    found = {path.stem for path in folder.glob("*.json")}
    differences += [f"{name}.json is missing" for name in sorted(ALL - found)]
    differences += [f"{name}.json is not known to this program" for name in sorted(found - ALL)]
    for document in sorted(ALL & found):
        try:
            file = json.loads((folder / f"{document}.json").read_text(encoding="utf-8"))
            wrong, counts = check(document, file)
        except (ValueError, KeyError, TypeError) as error:
            differences.append(f"{document}.json cannot be read: {error!r}")
            continue
        differences += wrong
        total = {verdict: total[verdict] + counts[verdict] for verdict in total}
        print(f"      {document}: {counts['accepted']} accepted, {counts['refused']} refused")
    for difference in differences:
        print(f"      DIFFERS: {difference[:2000]}", file=sys.stderr)
    print(f"      {total['accepted']} accepted, {total['refused']} refused, {len(differences)} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent))
