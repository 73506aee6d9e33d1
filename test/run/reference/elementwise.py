"""Elementwise operations: one element of the result depends on one element of each operand."""

import torch

from program import FEW, SIZES, Case, Program, grid, integers, uniform, values, vary

INF, NAN = float("inf"), float("nan")
SPECIAL = (0, -0.0, 1, -1, INF, -INF, NAN, 0.5, -0.5, 1e-40, -1e-40, 1e-30, -1e-30, 3e38, -3e38, 2.5, -2.5, 1e-8, -1e-8)
BYTES = integers(-128, 128)
WIDE = integers(-(2**52), 2**52)

# Boundary sizes, many elements for several threads, and no element in either way.
MATRIX = vary({"M": 3}, N=SIZES) + [{"M": 0, "N": 7}]
MANY = {"M": 37, "N": 1201}


def matrix_cases(entry="forward", special=None):
    cases = [Case(entry, s) for s in MATRIX] + [Case(entry, MANY, samples=32)]
    if special:
        cases.append(Case(entry, {"M": 2, "N": len(next(iter(special.values())).numbers)}, special, samples=64))
    return cases


def row_cases(entry, **inputs):
    return [Case(entry, {"N": n}, inputs) for n in (0, 1, 15, 16, 17, 64, 67)]


class Elementwise(Program):
    row = "element"


class Exact(Elementwise):
    exact = True


def unary(name, function, kind, special, **more):
    """A float function of one argument: boundary sizes, special values, a scalar."""

    class Unary(Elementwise):
        inputs = {"x": kind}
        cases = matrix_cases(special={"x": values(*special)}) + [Case("scalar")]

        def forward(self, x):
            return function(x)

        scalar = forward

    for key, inputs in more.items():
        Unary.cases = Unary.cases + [Case("forward", {"M": 4, "N": 331}, {"x": inputs}, samples=64)]
    Unary.__name__ = name
    return Unary


exp = unary("exp", torch.exp, uniform(-10, 10), (*SPECIAL, 88.7, 89, -87.3, -100, -103.9, -104.1, 710), whole=uniform(-105, 90))
expm1 = unary("expm1", torch.expm1, uniform(-2, 2), (*SPECIAL, 88.7, 89, -17, -40, 1e-6), whole=uniform(-30, 88), small=uniform(-1e-4, 1e-4))
log = unary("log", torch.log, uniform(0, 10), (*SPECIAL, 1.0000001, 0.9999999, 1.1754944e-38), about_one=uniform(0.9, 1.1), large=uniform(0, 1e30), tiny=uniform(0, 1e-37))
log1p = unary("log1p", torch.log1p, uniform(-0.9, 9), (*SPECIAL, -1, -0.9999999, -1.5, 1e-7), small=uniform(-1e-4, 1e-4), large=uniform(0, 1e30))
sqrt = unary("sqrt", torch.sqrt, uniform(0, 100), SPECIAL, tiny=uniform(0, 1e-38), large=uniform(0, 1e38))
rsqrt = unary("rsqrt", torch.rsqrt, uniform(0.01, 100), SPECIAL, tiny=uniform(1e-38, 1e-36), large=uniform(0, 1e38))
sin = unary("sin", torch.sin, uniform(-7, 7), (*SPECIAL, 3.14159265, 1.57079633, 6.28318531, 1e5, 1e10, 1e22), large=uniform(-1e4, 1e4), huge=uniform(-1e30, 1e30))
cos = unary("cos", torch.cos, uniform(-7, 7), (*SPECIAL, 3.14159265, 1.57079633, 6.28318531, 1e5, 1e10, 1e22), large=uniform(-1e4, 1e4), huge=uniform(-1e30, 1e30))
tanh = unary("tanh", torch.tanh, uniform(-4, 4), (*SPECIAL, 9, 10, -9, -10, 1e-5), small=uniform(-1e-3, 1e-3), whole=uniform(-20, 20))
sigmoid = unary("sigmoid", torch.sigmoid, uniform(-6, 6), (*SPECIAL, 17, -17, 88, -88, -100, -104), whole=uniform(-104, 20))
erf = unary("erf", torch.erf, uniform(-3, 3), (*SPECIAL, 3.9, 4, -4, 1e-5), small=uniform(-1e-3, 1e-3))


def rounding(name, function, kind, special):
    """A function of floats and integers with exact results."""

    class Rounding(Exact):
        inputs = {"x": kind}
        cases = (
            matrix_cases(special={"x": values(*SPECIAL, *special)})
            + row_cases("integers", x=WIDE)
            + row_cases("bytes", x=BYTES)
        )

        def forward(self, x):
            return function(x)

        def integers(self, x):
            return x if function in (torch.floor, torch.ceil, torch.round) else function(x)

        bytes = integers

    Rounding.__name__ = name
    return Rounding


HALVES = (0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388609, 4194304.5, -8388609, 1e10)
floor = rounding("floor", torch.floor, uniform(-9, 9), HALVES)
ceil = rounding("ceil", torch.ceil, uniform(-9, 9), HALVES)
round = rounding("round", torch.round, uniform(-9, 9), HALVES)
abs = rounding("abs", torch.abs, uniform(-9, 9), ())
neg = rounding("neg", torch.neg, uniform(-9, 9), ())
sign = rounding("sign", lambda x: torch.where(x == x, torch.sign(x), x), grid(2), ())


class isfinite(Exact):
    cases = matrix_cases(special={"x": values(*SPECIAL)})

    def forward(self, x):
        return torch.isfinite(x)


class not_(Exact):
    types = ("f32",)
    cases = matrix_cases(special={"x": values(0, 1, 2, 128, 255)})

    def forward(self, x):
        return ~x


def arithmetic(name, function):
    class Arithmetic(Elementwise):
        inputs = {"a": uniform(-3, 3), "b": uniform(-3, 3)}
        cases = (
            matrix_cases(special={"a": values(*SPECIAL), "b": values(*reversed(SPECIAL), 1, 2, INF)})
            + [Case(entry, {"M": m, "N": n}) for entry in ("row", "column", "outer") for m, n in ((0, 3), (5, 0), (1, 1), (5, 33), (64, 7))]
            + row_cases("constant")
            + row_cases("integers", a=WIDE, b=WIDE)
            + row_cases("words", a=integers(-(2**31), 2**31), b=integers(-(2**31), 2**31))
            + row_cases("bytes", a=BYTES, b=BYTES)
        )

        def forward(self, a, b):
            return function(a, b)

        row = column = outer = integers = words = bytes = forward

        def constant(self, a):
            return function(function(3, a), 0.1)

    Arithmetic.__name__ = name
    return Arithmetic


add = arithmetic("add", lambda a, b: a + b)
sub = arithmetic("sub", lambda a, b: a - b)
mul = arithmetic("mul", lambda a, b: a * b)


class divide(Elementwise):
    inputs = {"a": uniform(-3, 3), "b": uniform(0.5, 3)}
    cases = (
        matrix_cases(special={"a": values(*SPECIAL), "b": values(*reversed(SPECIAL), 1, 2, INF)})
        + [Case("column", {"M": 5, "N": 33}), Case("column", {"M": 0, "N": 1})]
        + row_cases("constant", a=uniform(0.5, 3))
    )

    def forward(self, a, b):
        return a / b

    column = forward

    def constant(self, a):
        return 1 / (a / 3)


class pow_(Elementwise):
    inputs = {"a": uniform(0.1, 5), "b": uniform(-3, 3)}
    cases = (
        matrix_cases(special={"a": values(0, 0, 0, 1, 1, -2, -2, -2, -8, INF, INF, -INF, NAN, 2, 2, 0.5), "b": values(0, 2, -1, INF, NAN, 2, 3, 0.5, -1, 2, -1, 3, 0, 127, -149, INF)})
        + row_cases("square", a=uniform(-3, 3))
        + row_cases("inverse", a=uniform(0.5, 3))
        + row_cases("root", a=uniform(0, 9))
        + row_cases("count", a=uniform(-3, 3), n=integers(-4, 5))
        + row_cases("integers", a=integers(-(2**21), 2**21))
        + row_cases("base", b=uniform(-20, 20))
    )

    def forward(self, a, b):
        return a**b

    def square(self, a):
        return a**2

    def inverse(self, a):
        return a**-3

    def root(self, a):
        return a**0.5

    def count(self, a, n):
        return a ** n.to(a.dtype)

    def integers(self, a):
        return a**3

    def base(self, b):
        return 2.0**b


def quotient(name, function):
    class Quotient(Elementwise):
        inputs = {"a": uniform(-30, 30), "b": uniform(1, 7)}
        cases = (
            matrix_cases(special={"a": values(7, -7, 7, -7, 6, -6, 0, 5.5, -5.5), "b": values(2, 2, -2, -2, 3, -3, 4, -1, 1)})
            + row_cases("integers", a=integers(-50, 50), b=values(1, 2, -3, 7, -7, 100))
            + row_cases("integers", a=WIDE, b=values(-1, 3, 4096, 1e9))
            + row_cases("bytes", a=BYTES, b=values(1, 2, -3, 7, 127, -128))
            + row_cases("seventh", a=integers(-50, 50))
            + [Case("integers", {"N": n}, {"b": values(*[1] * (n - 1), 0)}, fails=(1, "")) for n in (1, 7, 64, 1000)]
        )

        def forward(self, a, b):
            return function(a, b)

        integers = bytes = forward

        def seventh(self, a):
            return function(a, 7)

    Quotient.__name__ = name
    return Quotient


div = quotient("div", lambda a, b: torch.div(a, b, rounding_mode="floor"))
mod = quotient("mod", torch.remainder)


def extreme(name, function):
    class Extreme(Exact):
        cases = (
            matrix_cases(special={"a": values(*SPECIAL), "b": values(*reversed(SPECIAL), 1, 2, INF)})
            + row_cases("constant")
            + row_cases("integers", a=WIDE, b=WIDE)
            + row_cases("bytes", a=BYTES, b=BYTES)
        )

        def forward(self, a, b):
            return function(a, b)

        integers = bytes = forward

        def constant(self, a):
            return function(a, torch.tensor(0.5, dtype=a.dtype))

    Extreme.__name__ = name
    return Extreme


maximum = extreme("maximum", torch.maximum)
minimum = extreme("minimum", torch.minimum)


class atan2(Elementwise):
    cases = matrix_cases(
        special={"y": values(0, 1, 0, -1, 1, -1, 1, -1, INF, INF, NAN, 1e-30, 0.0, 3e38), "x": values(1, 0, -1, 0, 1, -1, -1, 1, INF, 1, 1, 1e30, 0.5, 3e38)}
    )

    def forward(self, y, x):
        return torch.atan2(y, x)


class clamp(Exact):
    cases = (
        matrix_cases(special={"x": values(*SPECIAL)})
        + row_cases("between", low=uniform(-2, 0), high=uniform(0, 2))
        + row_cases("integers", x=integers(-10, 10))
    )

    def forward(self, x):
        return torch.clamp(x, -1, 0.5)

    def between(self, x, low, high):
        return torch.minimum(torch.maximum(x, low), high)

    def integers(self, x):
        return torch.clamp(x, -3, 4)


def comparison(name, function):
    class Comparison(Exact):
        inputs = {"a": grid(4, 2), "b": grid(4, 2)}  # equal ones occur
        cases = (
            matrix_cases(special={"a": values(0, -0.0, NAN, 1, NAN, INF, INF, -INF, 1e-40), "b": values(-0.0, 0, 1, NAN, NAN, INF, -INF, 3e38, 0)})
            + [Case("row", {"M": m, "N": n}) for m, n in ((0, 3), (5, 0), (1, 1), (5, 33))]
            + row_cases("constant")
            + row_cases("integers", a=integers(-4, 4), b=integers(-4, 4))
            + row_cases("bytes", a=BYTES, b=BYTES)
        )
        if name in ("eq", "ne"):
            cases += row_cases("truth", a=values(0, 1, 2, 0, 255), b=values(0, 2, 0))

        def forward(self, a, b):
            return function(a, b)

        row = integers = bytes = truth = forward

        def constant(self, a):
            return function(a, 0.5)

    Comparison.__name__ = name
    return Comparison


eq = comparison("eq", lambda a, b: a == b)
ne = comparison("ne", lambda a, b: a != b)
lt = comparison("lt", lambda a, b: a < b)
le = comparison("le", lambda a, b: a <= b)
gt = comparison("gt", lambda a, b: a > b)
ge = comparison("ge", lambda a, b: a >= b)


def logical(name, function):
    class Logical(Exact):
        types = ("f32", "f64")
        cases = matrix_cases(special={"a": values(0, 1, 2, 0, 255), "b": values(0, 4, 0)}) + row_cases("between")

        def forward(self, a, b):
            return function(a, b)

        def between(self, x):
            return function(x > -0.5, x < 0.5)

    Logical.__name__ = name
    return Logical


and_ = logical("and", lambda a, b: a & b)
or_ = logical("or", lambda a, b: a | b)


class where(Exact):
    cases = (
        matrix_cases(special={"c": values(0, 1, 2, 255, 0, 0), "a": values(NAN, 1, INF), "b": values(1, NAN, NAN, 2, INF)})
        + [Case("row", {"M": m, "N": n}) for m, n in ((0, 3), (5, 0), (1, 1), (5, 33))]
        + row_cases("constant")
        + row_cases("integers", a=WIDE, b=WIDE)
        + row_cases("truth")
    )

    def forward(self, c, a, b):
        return torch.where(c, a, b)

    row = integers = truth = forward

    def constant(self, a):
        return torch.where(a > 0, a, 0)


def saturate(x, dtype):
    """Float to integer: toward 0, the nearest that fits, NaN to 0."""
    limits = torch.iinfo(dtype)
    x = torch.nan_to_num(x.to(torch.float64), nan=0.0, posinf=INF, neginf=-INF).trunc()
    inside = torch.where((x >= limits.min) & (x < -float(limits.min)), x, 0).to(torch.int64)
    return torch.where(x < limits.min, limits.min, torch.where(x >= -float(limits.min), limits.max, inside)).to(dtype)


class cast(Exact):
    inputs = {"x": uniform(-9, 9), "y": uniform(-9, 9)}
    cases = (
        row_cases("from_float")
        + [Case("from_float", {"N": 24}, {"x": values(*SPECIAL, 65504, 65519, 65520, 6e-8, 1.00048828125)}, samples=64)]
        + row_cases("to_integer", x=uniform(-300, 300))
        + [Case("to_integer", {"N": 27}, {"x": values(*SPECIAL, 127.9, 128, -128.9, -129, 2147483648, -2147483904, 9.3e18, -9.3e18)}, samples=64)]
        + row_cases("from_half")
        + [Case("from_half", {"N": 23}, {"x": values(*SPECIAL, 65504, 6e-8, 6.2e-5, -6.1e-5), "y": values(*SPECIAL, 65504, 6e-8, 1e-39, 1e-38)}, samples=64)]
        + row_cases("from_integer", x=WIDE, y=integers(-(2**31), 2**31), z=BYTES)
        + row_cases("between_integers", x=WIDE, y=BYTES)
        + row_cases("from_bool", x=values(0, 1, 2, 255, 0))
    )

    def from_float(self, x):
        return x.to(torch.float64), x.to(torch.float32), x.to(torch.float16), x.to(torch.bfloat16)

    def to_integer(self, x):
        return saturate(x, torch.int64), saturate(x, torch.int32), saturate(x, torch.int8), x != 0

    def from_half(self, x, y):
        return x.to(self.type), y.to(self.type)

    def from_integer(self, x, y, z):
        return x.to(self.type), y.to(self.type), z.to(self.type)

    def between_integers(self, x, y):
        return x.to(torch.int32), x.to(torch.int8), y.to(torch.int64), x != 0

    def from_bool(self, x):
        return x.to(self.type), x.to(torch.int64), x.to(torch.int8)


class broadcast(Elementwise):
    cases = (
        [Case("row", {"N": n}) for n in FEW]
        + [Case("column", {"M": n}) for n in FEW]
        + [Case("scalar")]
        + [Case(entry, {"M": m, "N": n}) for entry in ("middle", "both", "chain") for m, n in ((0, 5), (5, 0), (1, 1), (7, 17), (33, 64))]
    )

    def row(self, x):
        return x.expand(3, -1)

    def column(self, x):
        return x.expand(-1, 17)

    def scalar(self, x):
        return x.expand(2, 5)

    def middle(self, x, y):
        return x * y

    def both(self, x, y):
        return x + y, x * y

    def chain(self, x, r, c):
        return (x - c) * r + torch.tanh(r) / (2 + torch.abs(c))


class stop_gradient(Elementwise):
    inputs = {"x": grid(4)}
    cases = (
        matrix_cases(special={"x": values(*SPECIAL)})
        + [Case("chain", s) for s in MATRIX]
        + [Case("rows", {"M": m}) for m in (0, 1, 5, 67)]
        + row_cases("integers", x=WIDE)
    )

    def forward(self, x):
        return x

    def chain(self, x):
        return 2 * (x - 1) + x

    def rows(self, x):
        return x - x.amax(-1, keepdim=True)

    def integers(self, x):
        return x + x
