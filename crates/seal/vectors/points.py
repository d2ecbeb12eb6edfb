"""Which 32 bytes are a key: a point of edwards25519 in its one spelling and not of small order (RFC 8032 section 5.1).

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
