"""check.py NNC PROGRAM OUTPUT TYPE: are random draws reproducible, independent and of their distribution?

The bounds are six standard deviations of the estimate: a sound generator fails once in 10^8 runs, and draws depend on the
seed alone, so a run that passes passes always.
"""

import ctypes
import math
import os
import subprocess
import sys

nnc, program, output, working = sys.argv[1:]
library = f"{output}.{working}.so"
subprocess.run([nnc, program, "-o", library, f"--float={working}", "--verify-each"], check=True)
os.environ["NNC_WORK_PER_THREAD"] = "0"  # all threads take part, however little there is to do
lib = ctypes.CDLL(library)
real = {"f32": ctypes.c_float, "f64": ctypes.c_double}[working]
code = {"f32": 1, "f64": 0}[working]  # NN_F32, NN_F64
exact = {"f32": 2e-6, "f64": 1e-13}[working]
failures = 0


def expect(what, holds):
    global failures
    if not holds:
        failures += 1
        print("FAIL", what)


def good(status):
    assert status == 0, status


class Model:
    def __init__(self, seed, threads=1):
        self.model, self.context = ctypes.c_void_p(), ctypes.c_void_p()
        good(lib.draws_create(ctypes.byref(self.model), ctypes.c_uint64(seed)))
        good(lib.draws_context_create(ctypes.byref(self.context), self.model, ctypes.c_uint64(seed)))
        good(lib.draws_context_set_threads(self.context, threads))

    def get(self, path, *shape):
        values = (real * math.prod(shape))()
        sizes = (ctypes.c_int64 * len(shape))(*shape)
        good(lib.draws_get(self.model, path.encode(), values, code, sizes, len(shape)))
        return list(values)

    def draw(self, n):
        values = (real * n)()
        good(lib.draws_draw(self.context, ctypes.c_int64(n), values))
        return list(values)

    def twice(self, n):
        a, b = (real * n)(), (real * n)()
        good(lib.draws_twice(self.context, ctypes.c_int64(n), a, b))
        return list(a), list(b)


def moments(what, x, mean, deviation, fourth):
    """Mean and variance; `fourth` is the fourth central moment in units of deviation ** 4."""
    n = len(x)
    m = sum(x) / n
    v = sum((a - m) ** 2 for a in x) / n
    expect(f"{what}: mean {m}, should be {mean}", abs(m - mean) < 6 * deviation / math.sqrt(n))
    expect(f"{what}: variance {v}", abs(v / deviation**2 - 1) < 6 * math.sqrt((fourth - 1) / n))
    # Neighbours, and elements a vector apart, know nothing of each other.
    for lag in (1, 4, 8, 16):
        c = sum((x[i] - m) * (x[i + lag] - m) for i in range(n - lag)) / n / v
        expect(f"{what}: correlation {c} at distance {lag}", abs(c) < 6 / math.sqrt(n))


def uniform(what, x, low, high):
    expect(f"{what}: out of bounds", low <= min(x) and max(x) <= high)
    expect(f"{what}: does not fill its bounds", max(x) - min(x) > 0.99 * (high - low))
    moments(what, x, (low + high) / 2, (high - low) / math.sqrt(12), 1.8)


def orthogonal(what, x, rows, columns, gain):
    x = [v / gain for v in x]
    if rows > columns:
        x = [x[i * columns + j] for j in range(columns) for i in range(rows)]
        rows, columns = columns, rows
    for i in range(rows):
        for j in range(rows):
            product = sum(x[i * columns + k] * x[j * columns + k] for k in range(columns))
            expect(f"{what}: rows {i} and {j}: {product}", abs(product - (i == j)) < 10 * exact)


m = Model(7)
uniform("uniform", m.get("uniform_", 40000), -1, 3)
moments("normal", m.get("normal_", 40000), 1, 2, 3)
inside = m.get("trunc", 40000)
expect("trunc_normal: out of bounds", min(inside) >= -0.5 and max(inside) <= 1)
density = lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
mass = (math.erf(1 / math.sqrt(2)) + math.erf(0.5 / math.sqrt(2))) / 2
mean = (density(0.5) - density(1)) / mass
expect("trunc_normal: mean", abs(sum(inside) / 40000 - mean) < 6 * 0.45 / 200)
uniform("fan_uniform", m.get("fan", 200, 50, 4), -1 / math.sqrt(200), 1 / math.sqrt(200))
uniform("fan_uniform(25)", m.get("fan_of", 40000), -0.2, 0.2)
uniform("glorot", m.get("glorot_", 100, 300), -math.sqrt(6 / 400), math.sqrt(6 / 400))
moments("glorot_normal", m.get("glorot_n", 100, 300), 0, 2 * math.sqrt(2 / 400), 3)
uniform("kaiming", m.get("kaiming_", 300, 100), -math.sqrt(6 / 100), math.sqrt(6 / 100))
moments("kaiming_normal", m.get("kaiming_n", 300, 100), 0, math.sqrt(2 / 100), 3)
uniform("5 + 2 * uniform", m.get("shifted", 40000), 5, 7)
orthogonal("square", m.get("square", 17, 17), 17, 17, 1)
orthogonal("wide", m.get("wide", 5, 3, 4), 5, 12, 3)
orthogonal("tall", m.get("tall", 31, 7), 31, 7, 1)
expect("orthogonal of one", abs(abs(m.get("single", 1, 1)[0]) - 1) < exact)

layers = [m.get(f"layers.{i}.weight", 16, 16) for i in range(3)]
expect("copies of a repeated layer are equal", layers[0] != layers[1] != layers[2] != layers[0])
expect("two parameters are equal", m.get("fan_of", 40000)[:100] != m.get("uniform_", 40000)[:100])

again, other, many = Model(7), Model(8), Model(7, threads=3)
expect("one seed gives two models", m.get("normal_", 40000) == again.get("normal_", 40000))
expect("another seed gives the same model", m.get("normal_", 40000) != other.get("normal_", 40000))

first, second = m.draw(100003), m.draw(100003)
expect("two calls draw the same", first != second)
expect("draws depend on the threads", many.draw(100003) == first and many.draw(100003) == second)
expect("draws depend on how many there are", again.draw(5) == first[:5])
uniform("drawn in a call", first, 0, 1)
a, b = m.twice(20000)
expect("two draws of a call are equal", a != b)
moments("drawn in a call, normal", a, 0, 1, 3)
correlation = sum(x * y for x, y in zip(a, b)) / 20000
expect("two draws of a call are correlated", abs(correlation) < 6 / math.sqrt(20000))

print("failed" if failures else "passed")
sys.exit(failures > 0)
