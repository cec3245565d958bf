#!/usr/bin/env python3
"""Rewrites a safetensors file with its float32 tensors as float16, everything else as it is. Usage: halve.py FROM TO"""
import array
import json
import struct
import sys

source, target = sys.argv[1:]
with open(source, "rb") as file:
    length = struct.unpack("<Q", file.read(8))[0]
    header = json.loads(file.read(length))
    data = file.read()
metadata = header.pop("__metadata__", None)
parts, offset, out = [], 0, {} if metadata is None else {"__metadata__": metadata}
for name, tensor in header.items():
    begin, end = tensor["data_offsets"]
    values = data[begin:end]
    if tensor["dtype"] == "F32":
        numbers = array.array("f", values)
        values = struct.pack(f"<{len(numbers)}e", *numbers)
        tensor["dtype"] = "F16"
    tensor["data_offsets"] = [offset, offset + len(values)]
    parts.append(values)
    offset += len(values)
    out[name] = tensor
text = json.dumps(out, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open(target, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
