"""The verdict on a signed document.

Signatures are checked by `cwt`: it rebuilds what is signed from the document, with the type as external data. It
looks at neither the spelling nor `typ`, and takes the algorithm from the key that it is given; so those, and who may
say what, are checked here.
"""

import hashlib
from datetime import datetime

import cbor2
import cwt

import claims
import strict
from points import is_key, is_low, is_point
from strict import Refused

# By curve.
ALGORITHMS = {6: -19, 1: -9}
FORMAT = 1
PREFIX = "application/carnet-"
NUMBERS = {
    "request": 1,
    "agreement": 2,
    "offer": 3,
    "pass": 4,
    "portable-pass": 5,
    "key-delivery": 6,
    "refusal": 7,
    "receipt": 8,
    "image-manifest": 11,
}
REPORTS = {"usage-report", "erasure-certificate", "report-request"}
KINDS = {"key-set"} | set(NUMBERS) | REPORTS
ANSWERS = set(claims.BODIES)


def within(part, work, *arguments):
    try:
        return work(*arguments)
    except Refused as refused:
        raise Refused(f"{part}: {refused.name}") from None


def require(holds, name):
    if not holds:
        raise Refused(name)


def thumbprint(key):
    """RFC 9679, of an OKP or EC2 key."""
    curve, point = key
    point = bytes.fromhex(point)
    if curve == 1:
        return hashlib.sha256(cbor2.dumps({1: 2, -1: 1, -2: point[:32], -3: point[32:]})).digest()
    return hashlib.sha256(cbor2.dumps({1: 1, -1: curve, -2: point})).digest()


def of_device(key):
    """(curve, point) of a device's key, as the claims or the trust in a file name it."""
    if isinstance(key, dict):
        return 1, key["x"] + key["y"]
    return (6 if len(key) == 64 else 1), key


def is_signing(key):
    curve, point = key
    return (is_key if curve == 6 else is_point)(bytes.fromhex(point))


class Envelope:
    """A COSE_Sign1 of which nobody knows yet who signed it."""

    def __init__(self, data, kinds):
        require(data[:1] == b"\xd2", "not-signed")
        protected, self.payload = within("envelope", self.parts, data[1:])
        self.data = data
        header = claims.record({1: ("alg", claims.number(2**63 - 1, -(2**63))), 4: ("kid", claims.raw(8)), 16: ("typ", claims.text)})
        header = within("header", lambda: header(strict.read(protected)))
        self.algorithm, self.key_id, self.typ = header["alg"], header["kid"], header["typ"]
        self.kind = self.typ.removeprefix(PREFIX)
        require(self.typ.startswith(PREFIX) and self.kind in KINDS, "unknown-type")
        require(self.kind in kinds, "wrong-type")

    @staticmethod
    def parts(data):
        parts = strict.read(data)
        claims.need(isinstance(parts, list) and len(parts) == 4)
        protected, unprotected, payload, signature = parts
        claims.need(isinstance(protected, bytes) and isinstance(unprotected, dict))
        if unprotected:
            raise Unprotected
        claims.need(isinstance(payload, bytes) and isinstance(signature, bytes) and len(signature) == 64)
        return protected, payload

    def claims(self):
        return within("claims", self.read_claims)

    def read_claims(self):
        value = strict.read(self.payload)
        if value != cbor2.loads(self.payload):
            raise AssertionError("cbor2 reads something else")
        return READERS[self.kind](value)

    def check(self, key):
        """With the key that is trusted; what the header says may only agree."""
        require(self.algorithm == ALGORITHMS[key[0]], "wrong-algorithm")
        key_id = thumbprint(key)[:8]
        require(self.key_id == key_id.hex(), "unknown-key")
        require(self.is_signed(key, key_id), "wrong-signature")

    def is_signed(self, key, key_id):
        curve, point = key[0], bytes.fromhex(key[1])
        parts = {1: 1, -1: 6, -2: point}
        if curve == 1:
            # `cryptography` takes the higher s too.
            if not is_low(self.data[-64:]):
                return False
            parts = {1: 2, -1: 1, -2: point[:32], -3: point[32:]}
        key = cwt.COSEKey.new({**parts, 2: key_id, 3: ALGORITHMS[curve]})
        try:
            read = cwt.COSE.new(verify_kid=True).decode(self.data, key, external_aad=self.typ.encode())
        except cwt.VerifyError:
            return False
        return read == self.payload


class Unprotected(Exception):
    """Something stands where no signature covers it."""


def embedded(value, kind):
    """A document in a request: its claims, not checked yet."""
    claims.need(isinstance(value, bytes))
    kinds = ANSWERS if kind in ANSWERS else {kind}
    try:
        document = Envelope(value, kinds)
        found = document.claims()
    except (Refused, Unprotected):
        raise Refused("value") from None
    claims.need(document.kind == kind)
    return found["body"]["Portable"] if kind == "portable-pass" else found


READERS = {
    "key-set": claims.key_set,
    "offer": claims.offer_claims,
    "agreement": claims.agreement,
    "request": claims.request(embedded),
    "image-manifest": claims.image_manifest,
    "report-request": claims.report_request,
    "usage-report": claims.usage_report,
    "erasure-certificate": claims.erasure_certificate,
    **{kind: claims.answer(kind) for kind in ANSWERS},
}


class KeyRing:
    """A key set that the pinned root has signed."""

    def __init__(self, data, trust):
        document = Envelope(data, {"key-set"})
        found = document.claims()
        curve, point = found["root"]
        require(curve == 6 and is_key(bytes.fromhex(point)), "bad-key")
        require(thumbprint(found["root"]).hex() == trust["root"], "other-root")
        document.check((6, point))
        require(found["server"] == trust["server"], "other-server")
        self.found, self.keys, self.images = found, {}, {}
        for entry in found["keys"]:
            self.add(*purpose_of(entry), entry["key"])
        require(found["version"] >= trust["lowest_version"], "key-set-too-old")
        keys = [*self.keys.values(), *self.images.values()]
        require(all(is_key(bytes.fromhex(point)) for _, _, point in keys), "bad-key")

    def add(self, purpose, whose, key):
        if purpose not in ("server", "issue", "image"):
            return
        keys = self.images if purpose == "image" else self.keys
        require(key[0] == 6, "bad-key")
        key_id = thumbprint(key)[:8].hex()
        require(key_id not in keys, "repeated-key")
        keys[key_id] = (purpose, whose, key[1])

    def readable(self):
        keys = []
        for entry in self.found["keys"]:
            purpose, whose = purpose_of(entry)
            key = entry["key"]
            keys.append({"purpose": purpose, "key": key[1], "id": thumbprint(key)[:8].hex(), **whose})
        return {**self.found, "root": self.found["root"][1], "keys": keys}

    def check(self, document):
        """What the server has signed, now or before."""
        lowest = self.found["formats"].get(str(NUMBERS[document.kind]), FORMAT)
        require(lowest <= FORMAT, "outdated")
        require(document.key_id not in self.found["revoked"], "revoked-key")
        if document.kind == "image-manifest":
            return self.check_image(document)
        require(document.key_id in self.keys, "unknown-key")
        purpose, whose, point = self.keys[document.key_id]
        document.check((6, point))
        found = document.claims()
        server, app, supplier = issuer(found)
        require(server == self.found["server"], "other-server")
        require(may_sign(purpose, whose, app, supplier, document.kind), "other-supplier")
        return found

    def check_image(self, document):
        """The app says whose key it must be; so it is read first."""
        found = document.claims()
        require(document.key_id in self.images, "unknown-key")
        _, whose, point = self.images[document.key_id]
        require(found["app"].split("/")[0] == whose["name"], "other-supplier")
        document.check((6, point))
        return found

    def check_new(self, document, now):
        require(moment(now) < moment(self.found["expires"]), "key-set-expired")
        return self.check(document)


def purpose_of(entry):
    if isinstance(entry["purpose"], str):
        return entry["purpose"], {}
    return next(iter(entry["purpose"].items()))


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def issuer(found):
    """For whom an answer or an offer speaks: the server, the app's supplier, and the supplier's id."""
    if "listed" in found:
        return found["server"], found["listed"]["app"], found["supplier"]
    (body,) = found["body"].values()
    app = body.get("app") or found["head"]["journal"].get("app")
    return found["head"]["server"], app, body.get("supplier")


def may_sign(purpose, whose, app, supplier, kind):
    """Only a supplier's key grants; the server itself may refuse, and acknowledge."""
    if purpose == "server":
        return app is None or kind in ("refusal", "receipt")
    return app is not None and app.split("/")[0] == whose["name"] and supplier in (None, whose["supplier"])


def by_device(document, trust, key, found=None):
    document.check(key)
    found = found or document.claims()
    named = found.get("journal", found)["device"]
    require(found["server"] == trust["server"], "other-server")
    require(named == trust["device"]["id"], "other-device")
    return found


def request(data, trust):
    document, ring = Envelope(data, {"request"}), KeyRing(bytes.fromhex(trust["key_set"]), trust)
    found = document.claims()
    operation = found["operation"]
    name, inside = (operation, None) if isinstance(operation, str) else next(iter(operation.items()))
    if name == "Register":
        return registration(document, found, inside, trust, ring)
    by_device(document, trust, of_device(trust["device"]["key"]), found)
    if name in ("Agree", "Redeem"):
        agreed = inside["agreed"] if name == "Redeem" else inside
        agreement = Envelope(bytes.fromhex(agreed["document"]), {"agreement"})
        by_device(agreement, trust, of_device(trust["device"]["key"]))
    if name == "Import":
        ring.check(Envelope(bytes.fromhex(inside["document"]), ANSWERS))
    return found


def registration(document, found, inside, trust, ring):
    """Checked with the key that it brings."""
    brought = inside["joins"].get("With")
    if brought:
        ring.check(Envelope(bytes.fromhex(brought["document"]), ANSWERS))
    key = of_device(inside["signing_key"])
    device = f"dev_{thumbprint(key)[:16].hex()}"
    require(found["journal"]["device"] == device, "other-device")
    require(is_signing(key), "bad-key")
    return by_device(document, {**trust, "device": {"id": device}}, key, found)


def brings_its_key(document):
    """A device has the name of its key."""
    found = document.claims()
    says, key = found["says"], of_device(found["says"]["device_key"])
    require(says["device"] == f"dev_{thumbprint(key)[:16].hex()}", "other-device")
    require(is_signing(key), "bad-key")
    document.check(key)
    return found


def judge(kind, trust, data):
    """The claims; or raises `Refused`."""
    try:
        if kind == "key-set":
            return KeyRing(data, trust).readable()
        if kind == "request":
            return request(data, trust)
        document = Envelope(data, {kind})
        if kind == "report-request":
            document.check((6, trust["device"]["key"]))
            return document.claims()
        if kind in REPORTS:
            return brings_its_key(document)
        if kind == "agreement":
            return by_device(document, trust, of_device(trust["device"]["key"]))
        return KeyRing(bytes.fromhex(trust["key_set"]), trust).check_new(document, trust["now"])
    except Unprotected:
        raise Refused("unprotected-header") from None
