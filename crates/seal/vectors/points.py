"""Which bytes are a key: 32 are a point of edwards25519 in its one spelling and not of small order (RFC 8032 section
5.1), 64 are a point of P-256 (SEC 2 section 2.4.2). And which signatures of P-256 have the lower s.

OpenSSL, behind `cryptography` and `cwt`, takes more.
"""

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def is_key(public):
    point = decompress(public)
    if point is None:
        return False
    for _ in range(3):
        point = add(point, point)
    return point != (0, 1)


def decompress(public):
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        return None
    if x % 2 != public[31] >> 7:
        x = P - x
    return x % P, y


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
B256 = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def is_point(public):
    x, y = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
    return x < P256 and y < P256 and (y * y - (x * x * x - 3 * x + B256)) % P256 == 0


def is_low(signature):
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return 0 < r < N256 and 0 < s <= N256 // 2
