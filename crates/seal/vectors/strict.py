"""A reader of deterministic CBOR (RFC 8949 section 4.2.1) that accepts one spelling only.

cbor2, like most readers, accepts every spelling. What is signed here has one, so this reader stands in front of it.
"""

DOCUMENT = 64 * 1024
MESSAGE = 256 * 1024
DEPTH = 8

WIDTHS = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
SIMPLE = {20: False, 21: True, 22: None}


class Refused(Exception):
    """Why something was refused, by its name in the vectors."""

    def __init__(self, name):
        super().__init__(name)
        self.name = name


def read(data, limit=DOCUMENT):
    """The one item that these bytes are."""
    if len(data) > limit:
        raise Refused("too-long")
    reader = Reader(data)
    value = reader.item(0)
    if reader.at != len(data):
        raise Refused("trailing")
    return value


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        if length > len(self.data) - self.at:
            raise Refused("cut-short")
        self.at += length
        return self.data[self.at - length : self.at]

    def head(self):
        first = self.take(1)[0]
        major, info = first >> 5, first & 0x1F
        if major == 7:
            if info not in SIMPLE:
                raise Refused("indefinite" if info == 31 else "simple")
            return major, info
        if info < 24:
            return major, info
        if info not in WIDTHS:
            raise Refused("indefinite" if info == 31 else "reserved")
        width, smallest = WIDTHS[info]
        value = int.from_bytes(self.take(width), "big")
        if value < smallest:
            raise Refused("not-shortest")
        return major, value

    def item(self, depth):
        return self.rest(*self.head(), depth)

    def rest(self, major, value, depth):
        match major:
            case 0:
                return value
            case 1:
                return -1 - value
            case 2:
                return bytes(self.take(value))
            case 3:
                return self.text(value)
            case 4:
                self.enter(value, depth)
                return [self.item(depth + 1) for _ in range(value)]
            case 5:
                self.enter(2 * value, depth)
                return self.map(value, depth + 1)
            case 6:
                raise Refused("tagged")
        return SIMPLE[value]

    def text(self, length):
        try:
            return str(self.take(length), "utf-8")
        except UnicodeDecodeError:
            raise Refused("not-text") from None

    def enter(self, items, depth):
        if depth >= DEPTH:
            raise Refused("too-deep")
        if items > len(self.data) - self.at:
            raise Refused("cut-short")

    def map(self, pairs, depth):
        found, last = {}, b""
        for _ in range(pairs):
            start = self.at
            key, last = self.key(start, last, depth)
            found[key] = self.item(depth)
        return found

    def key(self, start, last, depth):
        major, value = self.head()
        if major > 3:
            raise Refused("tagged" if major == 6 else "bad-key")
        key = self.rest(major, value, depth)
        spelled = self.data[start : self.at]
        if last and spelled <= last:
            raise Refused("repeated" if spelled == last else "out-of-order")
        return key, spelled
