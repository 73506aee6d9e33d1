"""classify.py LIBRARY.so WEIGHTS.safetensors < IMAGES.csv: the class of each image, one a line. Plain ctypes, no package."""

import ctypes
import sys


class Digits:
    """A model with one context."""

    def __init__(self, library, weights):
        self.library = c = ctypes.CDLL(library)
        c.digits_create.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint64]
        c.digits_load.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        c.digits_context_create.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p, ctypes.c_uint64]
        floats = ctypes.POINTER(ctypes.c_float)
        c.digits_forward.argtypes = [ctypes.c_void_p, ctypes.c_int64, floats, floats]
        for function in (c.digits_context_destroy, c.digits_destroy, c.digits_error, c.digits_context_error):
            function.argtypes = [ctypes.c_void_p]
        c.digits_error.restype = c.digits_context_error.restype = ctypes.c_char_p
        self.model, self.context = ctypes.c_void_p(), ctypes.c_void_p()
        if c.digits_create(self.model, 0):
            raise RuntimeError("the model can not be created on this machine")
        if c.digits_load(self.model, weights.encode()) or c.digits_context_create(self.context, self.model, 0):
            raise RuntimeError(c.digits_error(self.model).decode())

    def __del__(self):
        self.library.digits_context_destroy(self.context)
        self.library.digits_destroy(self.model)

    def __call__(self, images):
        """Scores of 10 classes for each image of 64 pixels, all in one list."""
        count = len(images) // 64
        image = (ctypes.c_float * len(images))(*images)
        score = (ctypes.c_float * (10 * count))()
        if self.library.digits_forward(self.context, count, image, score):
            raise RuntimeError(self.library.digits_context_error(self.context).decode())
        return list(score)


if __name__ == "__main__":
    classify = Digits(sys.argv[1], sys.argv[2])
    scores = classify([float(v) / 16 for line in sys.stdin for v in line.split(",")[:64]])
    for i in range(0, len(scores), 10):
        row = scores[i : i + 10]
        print(row.index(max(row)))
