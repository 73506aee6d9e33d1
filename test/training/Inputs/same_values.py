"""same_values.py A B: whether two .safetensors files hold the same tensors; their metadata may differ."""

import json
import sys


def tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"], data[slice(*t["data_offsets"])]) for name, t in header.items()}


sys.exit(tensors(sys.argv[1]) != tensors(sys.argv[2]))
