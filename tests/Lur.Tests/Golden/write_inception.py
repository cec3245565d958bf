#!/usr/bin/env python3
"""Writes inception.safetensors: features of an InceptionV3 network of a sixteenth of the width, in float64. README.md documents it.

    /usr/bin/python3 write_inception.py [OUTPUT_FOLDER]    (Debian 12: apt-get install python3-torch; version 1.13)

The network is that of Szegedy et al. 2016 as FID uses it (Heusel et al. 2017): average pools that do not count the padding, a
maximum pool in the last block, epsilon 1e-3, images enlarged to 299 x 299 without corners aligned, in [-1, 1]. Weights are no
tensors of the file: tensor NAME has as element i a function of the hash of NAME and i, which the test computes, too.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from write_fixtures import write

DIVISOR, SIDE, EPSILON = 16, 299, 1e-3


def uniform(name, count):
    """count numbers in [0, 1), a function of the name and the position."""
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    v = (np.arange(count, dtype=np.uint64) * 2654435761 + h) & 0xFFFFFFFF
    for _ in range(2):
        v = ((v ^ (v >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    v ^= v >> 16
    return v.astype(np.float64) / 2**32


def tensor(name, shape, first, last):
    return torch.from_numpy(first + (last - first) * uniform(name, int(np.prod(shape)))).reshape(shape)


def conv(x, name, channels, size, stride=1, pad=(0, 0)):
    """Convolution without bias, frozen normalisation, ReLU."""
    k = channels // DIVISOR
    shape = (k, x.shape[1], *((size, size) if isinstance(size, int) else size))
    bound = (6 / np.prod(shape[1:])) ** 0.5
    x = F.conv2d(x, tensor(name + ".conv.weight", shape, -bound, bound), stride=stride, padding=pad)
    mean, var = tensor(name + ".bn.running_mean", (k,), -0.5, 0.5), tensor(name + ".bn.running_var", (k,), 0.25, 1.25)
    gamma, beta = tensor(name + ".bn.weight", (k,), 0.5, 1.5), tensor(name + ".bn.bias", (k,), -0.5, 0.5)
    return F.relu(F.batch_norm(x, mean, var, gamma, beta, eps=EPSILON))


def average(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def block_a(x, name, pool):
    one = conv(x, name + ".branch1x1", 64, 1)
    five = conv(conv(x, name + ".branch5x5_1", 48, 1), name + ".branch5x5_2", 64, 5, pad=2)
    double = conv(conv(x, name + ".branch3x3dbl_1", 64, 1), name + ".branch3x3dbl_2", 96, 3, pad=1)
    double = conv(double, name + ".branch3x3dbl_3", 96, 3, pad=1)
    return torch.cat([one, five, double, conv(average(x), name + ".branch_pool", pool, 1)], 1)


def block_b(x, name):
    three = conv(x, name + ".branch3x3", 384, 3, 2)
    double = conv(conv(x, name + ".branch3x3dbl_1", 64, 1), name + ".branch3x3dbl_2", 96, 3, pad=1)
    double = conv(double, name + ".branch3x3dbl_3", 96, 3, 2)
    return torch.cat([three, double, F.max_pool2d(x, 3, 2)], 1)


def row(x, name, channels):
    return conv(x, name, channels, (1, 7), pad=(0, 3))


def column(x, name, channels):
    return conv(x, name, channels, (7, 1), pad=(3, 0))


def block_c(x, name, c):
    one = conv(x, name + ".branch1x1", 192, 1)
    seven = row(conv(x, name + ".branch7x7_1", c, 1), name + ".branch7x7_2", c)
    seven = column(seven, name + ".branch7x7_3", 192)
    double = column(conv(x, name + ".branch7x7dbl_1", c, 1), name + ".branch7x7dbl_2", c)
    double = column(row(double, name + ".branch7x7dbl_3", c), name + ".branch7x7dbl_4", c)
    double = row(double, name + ".branch7x7dbl_5", 192)
    return torch.cat([one, seven, double, conv(average(x), name + ".branch_pool", 192, 1)], 1)


def block_d(x, name):
    three = conv(conv(x, name + ".branch3x3_1", 192, 1), name + ".branch3x3_2", 320, 3, 2)
    seven = row(conv(x, name + ".branch7x7x3_1", 192, 1), name + ".branch7x7x3_2", 192)
    seven = conv(column(seven, name + ".branch7x7x3_3", 192), name + ".branch7x7x3_4", 192, 3, 2)
    return torch.cat([three, seven, F.max_pool2d(x, 3, 2)], 1)


def block_e(x, name, pool):
    one, three = conv(x, name + ".branch1x1", 320, 1), conv(x, name + ".branch3x3_1", 384, 1)
    double = conv(conv(x, name + ".branch3x3dbl_1", 448, 1), name + ".branch3x3dbl_2", 384, 3, pad=1)
    sides = [
        conv(of, name + part, 384, size, pad=pad)
        for of, a, b in [(three, ".branch3x3_2a", ".branch3x3_2b"), (double, ".branch3x3dbl_3a", ".branch3x3dbl_3b")]
        for part, size, pad in [(a, (1, 3), (0, 1)), (b, (3, 1), (1, 0))]
    ]
    return torch.cat([one, *sides, conv(pool(x), name + ".branch_pool", 192, 1)], 1)


def features(images):
    x = F.interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    x = conv(2 * x - 1, "Conv2d_1a_3x3", 32, 3, 2)
    x = conv(conv(x, "Conv2d_2a_3x3", 32, 3), "Conv2d_2b_3x3", 64, 3, pad=1)
    x = conv(conv(F.max_pool2d(x, 3, 2), "Conv2d_3b_1x1", 80, 1), "Conv2d_4a_3x3", 192, 3)
    x = F.max_pool2d(x, 3, 2)
    for name, pool in [("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)]:
        x = block_a(x, name, pool)
    x = block_b(x, "Mixed_6a")
    for name, c in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)]:
        x = block_c(x, name, c)
    x = block_d(x, "Mixed_7a")
    x = block_e(x, "Mixed_7b", average)
    x = block_e(x, "Mixed_7c", lambda v: F.max_pool2d(v, 3, 1, 1))
    return x.mean((2, 3))


def main():
    torch.set_num_threads(1)
    out = {}
    # Smaller than the network's images, of another shape, and larger, where the resampling leaves pixels out.
    for n, c, h, w in [(3, 3, 8, 8), (2, 1, 7, 5), (1, 3, 310, 301)]:
        name = f"images{c}x{h}x{w}"
        pixels = np.floor(256 * uniform(name, n * c * h * w)).astype(np.uint8).reshape(n, c, h, w)
        images = torch.from_numpy(pixels.astype(np.float64) / 255).expand(n, 3, h, w)
        out[name] = features(images)
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    write(folder / "inception.safetensors", out, {"source": f"write_inception.py, PyTorch {torch.__version__}"})


if __name__ == "__main__":
    main()
