"""The claims of every type of document: from CBOR values to the readable values in the vectors.

A reader takes a value and returns what the vectors say about it, or refuses it.
"""

import re
from datetime import datetime, timedelta, timezone

from strict import Refused

LARGEST_AMOUNT = 10**12
BOUND = 2**62
OURS = -70001
MICROS = 1_000_000
DIGITS = {"EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "JPY": 0}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SLUG = "[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"


def need(holds, name="expected"):
    if not holds:
        raise Refused(name)


# Plain values.


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def number(most=2**64 - 1, least=0):
    def read(value):
        need(is_number(value) and least <= value <= most)
        return value

    return read


amount = number(LARGEST_AMOUNT)
unsigned = number()
narrow = number(2**32 - 1)


def text(value):
    need(isinstance(value, str))
    return value


def truth(value):
    need(isinstance(value, bool))
    return value


def named(pattern):
    def read(value):
        need(isinstance(value, str))
        need(re.fullmatch(pattern, value), "value")
        return value

    return read


app_id = named(f"{SLUG}/{SLUG}(?:/{SLUG})?")
supplier_name = named(SLUG)


def raw(length):
    def read(value):
        need(isinstance(value, bytes) and len(value) == length)
        return value.hex()

    return read


def some_bytes(value):
    need(isinstance(value, bytes))
    return value.hex()


def ident(prefix):
    return lambda value: f"{prefix}_{raw(16)(value)}"


digest, public, secret = raw(32), raw(32), raw(16)
server, supplier, user, device = ident("srv"), ident("sup"), ident("usr"), ident("dev")
transaction = ident("txn")
license, movement, request_id, pass_id = ident("lic"), ident("mov"), ident("req"), ident("pas")


def time_of(micros):
    moment = EPOCH + timedelta(microseconds=micros)
    fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + fraction + "Z"


def time(value):
    need(is_number(value))
    return time_of(value)


def three(value):
    need(isinstance(value, list) and len(value) == 3)
    return [narrow(part) for part in value]


def length(value):
    months, days, seconds = three(value)
    need(months <= 1200 and days <= 36525)
    date = (f"{months}M" if months else "") + (f"{days}D" if days else "")
    return f"P{date}" + (f"T{seconds}S" if seconds or not date else "")


def version(value):
    return ".".join(map(str, three(value)))


def money(value):
    need(isinstance(value, list) and len(value) == 2)
    minor, currency = amount(value[0]), text(value[1])
    need(currency in DIGITS)
    digits = DIGITS[currency]
    whole, rest = divmod(minor, 10**digits)
    return f"{whole}.{rest:0{digits}} {currency}" if digits else f"{whole} {currency}"


# What is made of others.


def record(fields, check=None):
    """A map with numbers as keys: {key: (name, reader)}, with `?` behind the names of those that may be absent."""

    def read(value):
        need(isinstance(value, dict) and all(is_number(key) for key in value))
        found = {}
        for key, (name, reader) in fields.items():
            if key in value:
                found[name.rstrip("?")] = reader(value[key])
            else:
                need(name.endswith("?"), "missing-claim")
        if check:
            check(found)
        need(set(value) <= set(fields), "unknown-claim")
        return found

    return read


def choice(*variants):
    """Numbered from 0: a name alone; a name and a reader; or a name, and a dict of fields."""

    def read(value):
        number, fields = value, []
        if isinstance(value, list):
            need(len(value) > 1)
            number, *fields = value
        need(is_number(number) and number >= 0)
        need(number < len(variants), "unknown-choice")
        variant = variants[number]
        need(variant is not None, "unknown-choice")
        if isinstance(variant, str):
            need(not fields)
            return variant
        name, inside = variant
        if not isinstance(inside, dict):
            need(len(fields) == 1)
            return {name: inside(fields[0])}
        need(len(fields) == len(inside))
        pairs = ((field, reader(value)) for (field, reader), value in zip(inside.items(), fields))
        return {name: {field: value for field, value in pairs if value is not None}}

    return read


def maybe(reader):
    return lambda value: None if value is None else reader(value)


def listed_items(reader):
    def read(value):
        need(isinstance(value, list))
        return [reader(item) for item in value]

    return read


def ordered(reader):
    """A set: ascending, each item once. All of ours have items of one length."""

    def read(value):
        found = listed_items(reader)(value)
        need(len(set(value)) == len(value), "repeated")
        need(value == sorted(value), "out-of-order")
        return found

    return read


def ordered_texts(reader):
    """The same for texts, which stand in the order of their encodings: the shorter one first. Read in their own order."""

    def read(value):
        found = listed_items(reader)(value)
        need(len(set(value)) == len(value), "repeated")
        need(value == sorted(value, key=lambda text: (len(text.encode()), text)), "out-of-order")
        return sorted(found)

    return read


def mapped(key, reader):
    def read(value):
        need(isinstance(value, dict))
        return {str(key(name)): reader(item) for name, item in value.items()}

    return read


def without_false(reader, *names):
    """Where absent and false are the same in the readable form."""

    def read(value):
        return {name: item for name, item in reader(value).items() if item is not False or name not in names}

    return read


# Offers.

features = mapped(named("[a-z0-9][a-z0-9.-]*"), lambda limit: "no limit" if limit is None else unsigned(limit))
versions = record({1: ("from?", version), 2: ("below?", version)})
period = choice(("between", {"start": time, "end": time}), ("from_agreement", length), ("from_first_use", length))
term = record({1: ("period?", period), 2: ("duration?", amount), 3: ("uses?", unsigned)})
slice_ = record({1: ("uses?", unsigned), 2: ("duration?", amount), 3: ("period?", length)})
issuance = without_false(
    record({1: ("temporary_at_purchase", truth), 2: ("temporary_when_refused", truth)}),
    "temporary_at_purchase",
    "temporary_when_refused",
)
counting = choice("offline", "online")
report_keys = record({1: ("seal_to", public), 2: ("asks", public)})
reporting = record(
    {
        1: ("record_retention", length),
        2: ("keys?", report_keys),
        3: ("users?", choice("hidden", "system-names")),
        4: ("overdue?", choice("refuse-renewal", "suspend")),
        5: ("violation?", choice("suspend", "revoke")),
        6: ("opened_by?", choice("server")),
    }
)
offer = without_false(
    record(
        {
            1: ("name", named(SLUG)),
            2: ("condition", text),
            3: ("features", features),
            4: ("term", term),
            5: ("devices", narrow),
            6: ("fee", money),
            7: ("charging", choice("free", "once", "per-pass", "per-period")),
            8: ("issuance", issuance),
            9: ("pass_term", slice_),
            10: ("temporary_pass_term?", slice_),
            11: ("counting", counting),
            12: ("grace?", amount),
            13: ("lost_devices_per_year", narrow),
            14: ("reporting?", reporting),
            15: ("once_per?", choice("user", "device")),
            16: ("hardware_only", truth),
            17: ("versions", versions),
            18: ("floating?", record({1: ("borrow?", length)})),
        }
    ),
    "hardware_only",
)
listed = record({1: ("app", app_id), 2: ("serial", unsigned), 3: ("offer", offer)})
offer_claims = record({1: ("server", server), 2: ("supplier", supplier), 3: ("listed", listed)})
agreement = record(
    {1: ("server", server), 2: ("user", user), 3: ("device", device), 4: ("at", time), 5: ("listed", listed)}
)

# Images.

LARGEST_PART = 2**48
LARGEST_TABLE = 8 * 1024 * 1024


def sound_image(found):
    features = found["features"]
    names = [stream["feature"] for stream in features]
    need(1 <= len(features) <= 256 and all(one < other for one, other in zip(names, names[1:])), "value")
    for stream in features:
        need(stream["table_length"] <= LARGEST_TABLE, "value")
        lengths = ("list_length", "sealed_length", "plain_length", "entries")
        need(all(stream[name] <= LARGEST_PART for name in lengths), "value")


feature_stream = record(
    {
        1: ("feature", named("[a-z0-9][a-z0-9.-]*")),
        2: ("table", raw(32)),
        3: ("table_length", narrow),
        4: ("list_length", unsigned),
        5: ("sealed_length", unsigned),
        6: ("plain_length", unsigned),
        7: ("entries", unsigned),
        8: ("kept?", choice("Sealed")),
    }
)
image_manifest = record(
    {
        1: ("id", ident("img")),
        2: ("app", app_id),
        3: ("version", version),
        4: ("platform", named(f"{SLUG}(?:_{SLUG})*")),
        5: ("built", time),
        6: ("features", listed_items(feature_stream)),
    },
    sound_image,
)

# Key sets.


def cose_key(value):
    """RFC 9053 section 7: (curve, point); of P-256 both coordinates, never compressed."""
    need(isinstance(value, dict) and all(is_number(key) for key in value))
    parts = {1: ("kty", number()), -1: ("crv", number()), -2: ("x", public)}
    if value.get(1) == 2 and value.get(-1) == 1:
        found = record({**parts, -3: ("y", public)})(value)
        return 1, found["x"] + found["y"]
    found = record(parts)(value)
    need(found["kty"] == 1 and found["crv"] in (4, 6))
    return found["crv"], found["x"]


def signing_key(value):
    """A device's: the bytes of a key of Ed25519, or both coordinates of a point of P-256."""
    need(isinstance(value, bytes) and len(value) in (32, 64))
    return value.hex() if len(value) == 32 else coordinates(value.hex())


def coordinates(point):
    return {"x": point[:64], "y": point[64:]}


whose = {"supplier": supplier, "name": supplier_name}
purpose = choice("server", ("issue", whose), "key-service", ("report", whose), ("image", whose))
key_entry = record({1: ("purpose", purpose), 2: ("key", cose_key)})
key_set = record(
    {
        1: ("server", server),
        2: ("version", unsigned),
        3: ("root", cose_key),
        4: ("issued", time),
        5: ("expires", time),
        6: ("keys", listed_items(key_entry)),
        7: ("revoked", ordered(raw(8))),
        8: ("formats", mapped(unsigned, unsigned)),
    }
)

# Requests. The documents in them are read by `embedded`, which the judge provides.


def bounded(*names):
    def check(found):
        need(all(found.get(name, 0) <= BOUND for name in names), "value")

    return check


components = choice("machine-id", "board", "processor", "disk", "network")


def sound_drift(found):
    need(0 < len(found["changed"]) <= found["of"] <= 5, "value")


drift = record({1: ("changed", ordered(components)), 2: ("of", narrow)}, sound_drift)
totals = mapped(
    license,
    record({1: ("uses", unsigned), 2: ("seconds", unsigned), 3: ("first_use?", time)}, bounded("uses", "seconds")),
)
journal = record({1: ("device", device), 2: ("app?", app_id)})
person = record(
    {
        1: ("name", text),
        2: ("email", text),
        3: ("address?", text),
        4: ("telephone?", text),
        5: ("payment_reference?", text),
    }
)
evidence = choice("hardware", "file", "tpm")
invitation = record(
    {
        1: ("digest", digest),
        2: ("purpose", choice("join", "recovery", ("enrolment", {"most": narrow, "lifetime": amount}))),
    }
)


def request(embedded):
    """`embedded(value, "agreement")` reads a document in a request."""

    def agreed(value):
        return {"agreement": embedded(value, "agreement"), "document": value.hex()}

    def brought(value):
        return {"portable": embedded(value, "portable-pass"), "document": value.hex()}

    new_user = {"person": person, "recovery": digest}
    registration = record(
        {
            1: ("signing_key", signing_key),
            2: ("agreement_key", public),
            3: ("evidence", evidence),
            4: ("device_name", text),
            5: ("joins", choice(("NewUser", new_user), ("By", secret), ("With", brought))),
            6: ("device_maker?", text),
        }
    )
    redemption = record(
        {1: ("transaction", transaction), 2: ("image", ident("img")), 3: ("seal_to", public), 4: ("pass", some_bytes)}
    )
    transfer = record(
        {
            1: ("from", device),
            2: ("to", device),
            3: ("apps", choice("all", ("named", ordered_texts(app_id)))),
            4: ("retire", truth),
            5: ("wait", truth),
        }
    )
    operation = choice(
        ("Register", registration),
        ("Renew", {"uses": unsigned}),
        ("Agree", agreed),
        "Decline",
        "Export",
        ("Import", brought),
        ("CancelMove", movement),
        "Return",
        ("Redeem", record({1: ("agreed", agreed), 2: ("code", secret)})),
        ("Invite", invitation),
        ("Withdraw", digest),
        ("Lost", device),
        ("Retire", device),
        ("Rename", {"device": device, "name": text}),
        ("Borrow", length),
        ("OrderKey", ident("img")),
        ("RedeemKey", redemption),
        ("Transfer", transfer),
        ("Replaced", record({1: ("device", device), 2: ("changed", drift)})),
    )
    fields = {
        1: ("server", server),
        2: ("journal", journal),
        3: ("id", request_id),
        4: ("epoch", unsigned),
        5: ("last_answer", digest),
        6: ("head", digest),
        7: ("at", time),
        8: ("totals", totals),
        9: ("operation", operation),
        10: ("portables", ordered(movement)),
    }
    return record(fields, bounded("epoch"))


# Contract management.

mark = record({1: ("sequence", unsigned), 2: ("chain", digest)})
attachment = record({1: ("length", unsigned), 2: ("digest", digest)})
report_request = record(
    {
        1: ("server", server),
        2: ("supplier", supplier),
        3: ("app", app_id),
        4: ("user", user),
        5: ("license", license),
        6: ("device?", device),
        7: ("nonce", request_id),
        8: ("at", time),
        9: ("due", time),
        10: ("wanted", choice("usage", "erasure")),
        11: ("keys", report_keys),
    }
)
statement = record(
    {
        1: ("server", server),
        2: ("device", device),
        3: ("device_key", signing_key),
        4: ("device_name", text),
        5: ("user", user),
        6: ("app", app_id),
        7: ("license?", license),
        8: ("pass?", pass_id),
        9: ("at", time),
        10: ("nonce?", request_id),
        11: ("epoch", unsigned),
        12: ("head", mark),
        13: ("totals", totals),
        14: ("changed?", drift),
    }
)
finding = record({1: ("path", text), 2: ("fault", choice("Changed", "Missing", "Unreadable"))})
integrity = choice("NotInstalledHere", ("Checked", {"files": unsigned, "wrong": listed_items(finding)}))
usage_report = record(
    {1: ("says", statement), 2: ("version?", version), 3: ("integrity", integrity), 4: ("records", attachment)}
)
erasure_certificate = record({1: ("says", statement), 2: ("list", attachment)})

# Answers: a CWT (RFC 8392), with our claims in one private-use claim.

seat_holder = record({1: ("device", device), 2: ("until?", time)})
REASONS = """no-license exhausted expired declined suspended charge-failed payment-pending ended revoked
held-elsewhere under-review fork-or-rollback reconcile superseded offer-changed only-once hardware-only unknown-app
nothing-to-move moving move-over other-user retired not-enough-left still-good bad-code code-used code-full
no-such-device still-holds too-many-lost guest not-borrowable
no-image version-not-covered no-transaction no-pass key-refused report-overdue transferred same-device not-held-there
guest-there retired-there""".split()
handover = choice(
    ("at_once", {"uses": unsigned, "seconds": unsigned}),
    ("waits", {"until": maybe(time)}),
    ("refused", choice(*REASONS)),
)
effect = choice(
    (
        "Registered",
        {
            "signing_key": signing_key,
            "agreement_key": public,
            "evidence": evidence,
            "only": maybe(license),
            "until": maybe(time),
        },
    ),
    ("Declined", license),
    ("MoveCancelled", movement),
    ("Returned", license),
    ("Invited", digest),
    ("Withdrawn", digest),
    ("DeviceGone", device),
    ("Renamed", device),
    ("KeyOrdered", {"transaction": transaction, "image": ident("img")}),
    ("Transferred", mapped(app_id, handover)),
)
resume = record({1: ("totals", totals), 2: ("void", truth)})


def ceiling(value):
    need(isinstance(value, list) and len(value) == 3)
    return dict(zip(("upto", "licensed", "remaining"), map(unsigned, value)))


def confirmed(value):
    """RFC 8747 section 3.1."""
    curve, point = record({1: ("key", cose_key)})(value)["key"]
    need(curve in (1, 6))
    return point if curve == 6 else coordinates(point)


class Facts:
    """Takes claims out of the two maps, and refuses what is left over."""

    def __init__(self, claims):
        need(isinstance(claims, dict) and all(map(is_number, claims)))
        need(OURS in claims, "missing-claim")
        self.registered, self.ours = dict(claims), claims[OURS]
        del self.registered[OURS]
        need(isinstance(self.ours, dict) and all(map(is_number, self.ours)))
        self.ours, self.found, self.fraction = dict(self.ours), {}, 0

    def take(self, name, key, reader, claims=None):
        claims = self.ours if claims is None else claims
        if key in claims:
            self.found[name.rstrip("?")] = reader(claims.pop(key))
        else:
            need(name.endswith("?"), "missing-claim")

    def assume(self, name, key, reader, assumed):
        """Absent means the assumed value, and spelling that out is refused."""
        self.found[name] = assumed
        if key in self.ours:
            self.found[name] = reader(self.ours.pop(key))
            need(self.found[name] != assumed)

    def time(self, name, key, rest, claims):
        """Whole seconds here (NumericDate), and there the rest, mostly that of the time of issue."""
        if key not in claims:
            return need(name.endswith("?"), "missing-claim")
        seconds, fraction = claims.pop(key), self.fraction
        need(is_number(seconds))
        if rest in self.ours:
            fraction = self.ours.pop(rest)
            need(is_number(fraction) and fraction != self.fraction and 0 <= fraction < MICROS)
        self.found[name.rstrip("?")] = time_of(seconds * MICROS + fraction)
        return fraction

    def end(self):
        need(not self.registered and not self.ours, "unknown-claim")


def head(facts):
    facts.take("server", 1, named("srv_[0-9a-f]{32}"), facts.registered)
    facts.take("app?", 3, app_id, facts.registered)
    facts.fraction = facts.time("issued", 6, 7, facts.registered)
    facts.take("user", 1, user)
    facts.take("device", 2, device)
    facts.take("request", 3, request_id)
    facts.take("quoted", 4, unsigned)
    facts.assume("epoch", 5, unsigned, min(facts.found["quoted"] + 1, 2**64 - 1))
    facts.take("resume?", 6, resume)
    facts.assume("over", 28, ordered(movement), [])
    found, facts.found = facts.found, {}
    names = ("device", "app")
    found["journal"] = {name: found.pop(name) for name in names if name in found}
    return found


def pass_(facts, app):
    facts.take("device_key", 8, confirmed, facts.registered)
    facts.time("expires?", 4, 26, facts.registered)
    facts.time("not_before", 5, 25, facts.registered)
    facts.time("grace_until?", 15, 27, facts.ours)
    facts.take("id", 7, pass_id, facts.registered)
    of_slice(facts, app)
    facts.assume("kind", 12, choice("full", "temporary"), "full")
    facts.take("from_first_use?", 16, length)
    facts.take("uses?", 17, ceiling)
    facts.take("seconds?", 18, ceiling)
    facts.assume("counting", 19, counting, "offline")
    facts.assume("floating", 29, truth, False)
    facts.assume("versions", 20, versions, {})
    facts.take("reporting?", 21, reporting)
    facts.take("previous", 22, digest)
    facts.take("from_move?", 23, movement)


def portable_pass(facts, app):
    facts.time("expires?", 4, 26, facts.registered)
    facts.take("movement", 7, movement, facts.registered)
    of_slice(facts, app)
    facts.take("source", 12, device)
    facts.take("uses?", 17, unsigned)
    facts.take("seconds?", 18, unsigned)


def of_slice(facts, app):
    facts.assume("app", 24, app_id, app)
    need(facts.found["app"], "missing-claim")
    facts.take("supplier", 8, supplier)
    facts.take("license", 9, license)
    facts.take("right", 10, narrow)
    facts.take("generation", 11, unsigned)
    facts.take("condition", 13, text)
    facts.take("features", 14, features)


def refusal(facts, _):
    facts.take("reason", 8, choice(*REASONS))
    facts.take("license?", 9, license)
    facts.take("menu", 10, listed_items(listed))
    facts.take("holders", 11, listed_items(seat_holder))
    facts.take("borrow?", 12, length)


def receipt(facts, _):
    facts.take("effect", 8, effect)


def keys(facts, app):
    need(app is not None)
    facts.take("supplier", 8, supplier)
    facts.take("license", 9, license)
    facts.take("transaction", 10, transaction)
    facts.take("image", 11, ident("img"))
    facts.take("version", 12, version)
    facts.take("sealed", 13, some_bytes)


BODIES = {
    "pass": ("Pass", pass_),
    "portable-pass": ("Portable", portable_pass),
    "refusal": ("Refusal", refusal),
    "receipt": ("Receipt", receipt),
    "key-delivery": ("Keys", keys),
}


def answer(kind):
    name, body = BODIES[kind]

    def read(claims):
        facts = Facts(claims)
        found = {"head": head(facts)}
        body(facts, found["head"]["journal"].get("app"))
        facts.end()
        return {**found, "body": {name: facts.found}}

    return read
