"""Text armor, product strings, codes and the message around a request."""

import base64
import hashlib
import ipaddress
import re

import strict
from claims import SLUG
from strict import Refused

# Text armor.

CARRIED = ("PASSBOOK", "REQUEST", "ANSWER", "USAGE REPORT", "ERASURE CERTIFICATE", "REPORT REQUEST")

CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/*$!"
BEGIN, END, RULE = "-----BEGIN CARNET ", "-----END CARNET ", "-----"


def armor(text):
    lines = iter([line.strip() for line in text.split("\n")])
    carried = next((line[len(BEGIN) :].rstrip("-") for line in lines if line.startswith(BEGIN)), None)
    if carried is None:
        raise Refused("no-beginning")
    if carried not in CARRIED:
        raise Refused("unknown-type")
    data, whole, number = b"", False, 0
    for line in filter(None, lines):
        if line == f"{END}{carried}{RULE}":
            if not whole:
                raise Refused("incomplete")
            return {"carried": carried, "bytes": data.hex()}
        if whole or line.startswith(RULE):
            raise Refused("no-end")
        number += 1
        content = checked(number, line)
        if content.startswith("="):
            whole = content == "=" + base64.b64encode(hashlib.sha256(data).digest()[:3]).decode()
            if not whole:
                raise Refused("incomplete")
        else:
            data += base64.b64decode(content, validate=True)
    raise Refused("no-end")


def checked(number, line):
    *content, last = "".join(line.split())
    if any(letter not in CHECKS + "=" for letter in [*content, last]):
        raise Refused("character")
    values = [CHECKS.index(letter) if letter in CHECKS else 66 for letter in content]
    total = number + sum(weight * value for weight, value in enumerate(values, 2))
    if CHECKS[total % 67] != last:
        raise Refused("mistyped")
    return "".join(content)


# Product strings.


def product(text):
    text = text.strip()
    app, at, rest = text.partition("@")
    if not at:
        raise Refused("no-app")
    if not re.fullmatch(f"{SLUG}/{SLUG}(?:/{SLUG})?", app):
        raise Refused("bad-app")
    url, mark, trust = rest.partition("#")
    if not mark:
        raise Refused("no-root")
    url = address(url)
    if not re.fullmatch("[0-9a-f]{64}-[0-9a-f]{8}", trust):
        raise Refused("bad-root")
    root, check = trust.split("-")
    if hashlib.sha256(f"{app}@{url}#{root}".encode()).hexdigest()[:8] != check:
        raise Refused("mistyped")
    return {"app": app, "url": url, "root": root, "server": f"srv_{root[:32]}"}


def address(url):
    label, part = "[a-z0-9-]{1,63}", "[A-Za-z0-9._~-]+"
    found = re.fullmatch(
        rf"https?://(?:\[(?P<six>[^\]]*)\]|{label}(?:\.{label})*)(?::(?P<port>[1-9][0-9]{{0,4}}))?(?P<path>(?:/{part})*)/?", url
    )
    if not found or len(url) > 200 or int(found["port"] or 1) > 65535:
        raise Refused("bad-url")
    if {".", ".."} & set(found["path"].split("/")):
        raise Refused("bad-url")
    try:
        ipaddress.IPv6Address(found["six"] or "::")
    except ValueError:
        raise Refused("bad-url") from None
    return url.removesuffix("/")


# Codes: Bech32m (BIP 350).

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
BECH32M = 0x2BC830A3
PURPOSES = {
    "join": "join a device",
    "recover": "recover an account",
    "enrol": "enrol machines",
    "redeem": "redeem an offer",
}


def code(text):
    plain = "".join(text.split()).replace("-", "").lower()
    word, _, letters = plain.rpartition("1")
    if word not in PURPOSES or any(letter not in ALPHABET for letter in letters):
        raise Refused("mistyped")
    values = [ALPHABET.index(letter) for letter in letters]
    expanded = [ord(letter) >> 5 for letter in word] + [0] + [ord(letter) & 31 for letter in word]
    bits = "".join(f"{value:05b}" for value in values[:-6])
    if checksum(expanded + values) != BECH32M or len(bits) != 130 or bits[128:] != "00":
        raise Refused("mistyped")
    secret = int(bits[:128], 2).to_bytes(16, "big")
    digest = hashlib.sha256(b"carnet code\0" + secret).hexdigest()
    return {"for": PURPOSES[word], "secret": secret.hex(), "digest": digest}


def checksum(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check


# The message around a request.


def message(data):
    parts = strict.read(data, strict.MESSAGE)
    if not isinstance(parts, list) or len(parts) != 4 or not isinstance(parts[0], bytes):
        raise Refused("expected")
    if not all(part is None or isinstance(part, bytes) for part in parts):
        raise Refused("expected")
    found = zip(("request", "last_answer", "receipt", "key_set"), parts)
    return {name: part.hex() for name, part in found if part is not None}
