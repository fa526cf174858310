"""Results as whole numbers of any size, where nothing is counted modulo a prime: thousands, the lowest first."""

from __future__ import annotations

from numba.extending import register_jitable

from synthgen.errors import DrawError
from synthgen.tasks.igsm.writing.problem import GROUPS_OF_DIGITS, NUMBER, PLUS, STAR, SYMBOLS

THOUSAND = 1000


@register_jitable
def compute_integers(p):
    """Compute the result of every operation of a compiled solution. Raises DrawError for more than 999 digits."""
    for i in range(p.steps):
        x = p.order[i]
        result = p.symbol[x]
        last = p.op if i + 1 == p.steps else p.symbol[p.order[i + 1]]
        _hold(p, SYMBOLS, p.number[x] if x < p.edges else 0)
        for symbol in range(result + 1, last):
            _operate(p, symbol)
        _operate(p, result)


@register_jitable
def _operate(p, symbol):
    left = SYMBOLS if p.left[symbol] == NUMBER else p.left[symbol]
    if p.operands[symbol] < 2:
        _copy(p, left, symbol)
    elif p.sign[symbol] == STAR:
        _multiply(p, left, p.right[symbol], symbol)
    else:
        right = p.right[symbol]
        minus = p.negative[right] if p.sign[symbol] == PLUS else 1 - p.negative[right]
        if p.negative[left] == minus:
            _add(p, left, right, symbol)
        elif _is_less(p, left, right):
            _subtract(p, right, left, symbol, minus)
        else:
            _subtract(p, left, right, symbol, p.negative[left])


@register_jitable
def _hold(p, a, number):
    """Let a be a number that is not negative."""
    p.length[a], p.negative[a] = 0, 0
    while number > 0:
        p.thousand[a, p.length[a]] = number % THOUSAND
        p.length[a] += 1
        number //= THOUSAND


@register_jitable
def _copy(p, a, out):
    p.length[out], p.negative[out] = p.length[a], p.negative[a]
    for i in range(p.length[a]):
        p.thousand[out, i] = p.thousand[a, i]


@register_jitable
def _is_less(p, a, b):
    """Say whether a is nearer to nought than b."""
    if p.length[a] != p.length[b]:
        return p.length[a] < p.length[b]
    for i in range(p.length[a] - 1, -1, -1):
        if p.thousand[a, i] != p.thousand[b, i]:
            return p.thousand[a, i] < p.thousand[b, i]
    return False


@register_jitable
def _add(p, a, b, out):
    """Add what is of one sign."""
    carry, size = 0, max(p.length[a], p.length[b])
    _make_room(size + 1)
    for i in range(size):
        carry += (p.thousand[a, i] if i < p.length[a] else 0) + (p.thousand[b, i] if i < p.length[b] else 0)
        p.thousand[out, i] = carry % THOUSAND
        carry //= THOUSAND
    p.thousand[out, size] = carry
    p.negative[out] = p.negative[a]
    p.length[out] = size + (1 if carry else 0)


@register_jitable
def _subtract(p, a, b, out, negative):
    """Take b away from a, which is not nearer to nought, without their signs; the result gets the sign given."""
    borrow, size = 0, p.length[a]
    for i in range(size):
        rest = p.thousand[a, i] - (p.thousand[b, i] if i < p.length[b] else 0) - borrow
        borrow = 1 if rest < 0 else 0
        p.thousand[out, i] = rest + borrow * THOUSAND
    while size > 0 and p.thousand[out, size - 1] == 0:
        size -= 1
    p.length[out] = size
    p.negative[out] = negative if size > 0 else 0


@register_jitable
def _multiply(p, a, b, out):
    """Multiply; the result is neither of the two."""
    if p.length[a] == 0 or p.length[b] == 0:
        _hold(p, out, 0)
        return
    size = p.length[a] + p.length[b]
    _make_room(size)
    for i in range(size):
        p.thousand[out, i] = 0
    for i in range(p.length[a]):
        carry = 0
        for j in range(p.length[b]):
            carry += p.thousand[out, i + j] + p.thousand[a, i] * p.thousand[b, j]
            p.thousand[out, i + j] = carry % THOUSAND
            carry //= THOUSAND
        p.thousand[out, i + p.length[b]] = carry
    p.length[out] = size if p.thousand[out, size - 1] else size - 1
    p.negative[out] = p.negative[a] ^ p.negative[b]


@register_jitable
def _make_room(size):
    if size > GROUPS_OF_DIGITS:
        raise DrawError("iGSM: a number has more than 999 digits: ask for fewer operations, or count modulo a prime")
