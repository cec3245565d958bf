#!/usr/bin/env python3
"""Writes generation.safetensors, npz_stored.npz and npz_deflated.npz with NumPy and SciPy. README.md documents them.

    /usr/bin/python3 write_generation.py [OUTPUT_FOLDER]    (Debian 12: apt-get install python3-scipy; version 1.10.1)

The files are committed; the tests read them and never run this script. Seeds are fixed.
"""

import io
import json
import struct
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import scipy
from scipy import linalg, stats


def write(path, tensors):
    """safetensors: header length (u64, little endian), JSON header, tensors one after another; F64 only."""
    header, blobs, offset = OrderedDict(), [], 0
    header["__metadata__"] = {"source": f"scipy {scipy.__version__}, numpy {np.__version__}"}
    for name, values in tensors.items():
        values = np.asarray(values, dtype=np.float64)
        blob = np.ascontiguousarray(values).tobytes()
        header[name] = {"dtype": "F64", "shape": list(values.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size / 1024:.0f} KB")


# --- generation.safetensors -----------------------------------------------------------------------------------------

def features(rng, n, d, shift, decay):
    """Correlated, of unequal variance, and far from 0 as features behind a ReLU are."""
    mix = rng.normal(size=(d, d)) * np.exp(-decay * np.arange(d) / d)
    return np.maximum(rng.normal(size=(n, d)) @ mix + 2 + shift, 0) if d > 1 else rng.normal(size=(n, d)) + shift


def root_trace(x, y):
    """tr (S_x S_y)^(1/2) without the square of a singular value: S = C^T C / (n - 1), so it is the nuclear norm of C_x C_y^T."""
    cx, cy = (v - v.mean(0) for v in (x, y))
    return np.linalg.svd(cx @ cy.T, compute_uv=False).sum() / np.sqrt((len(x) - 1.0) * (len(y) - 1.0))


def kernel_distance(x, y):
    kernel = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3
    kx, ky, n = kernel(x, x), kernel(y, y), len(x)
    within = lambda k: (k.sum() - np.trace(k)) / (n * (n - 1))
    return within(kx) + within(ky) - 2 * kernel(x, y).mean()


def overlap(x, y, k):
    """Precision and recall; x is real, y generated."""
    distance = lambda a, b: np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    radius = lambda a: np.sort(distance(a, a), axis=1)[:, k]  # column 0 is the sample itself
    between = distance(x, y)
    return (between <= radius(x)[:, None]).any(0).mean(), (between <= radius(y)[None]).any(1).mean()


def set_fixture(out):
    cases = {"one": (40, 40, 1, 0.5, 0), "small": (60, 47, 5, 0.3, 1), "prime": (120, 151, 37, 0.1, 3),
             "wide": (300, 300, 64, 0.0, 12), "singular": (7, 8, 12, 0.2, 1), "half_singular": (9, 60, 12, 0.2, 1)}
    for seed, (name, (n, m, d, shift, decay)) in enumerate(cases.items()):
        rng = np.random.default_rng(200 + seed)
        x, y = features(rng, n, d, 0, decay), features(rng, m, d, shift, decay)
        sx, sy = (np.cov(v, rowvar=False).reshape(d, d) for v in (x, y))
        trace = root_trace(x, y)
        general = np.trace(linalg.sqrtm(sx @ sy)).real
        print(f"  {name}: tr sqrtm(S1 S2) is off by {abs(general / trace - 1):.1e}")
        assert abs(general / trace - 1) < (1e-6 if "singular" in name else 1e-9)
        means = ((x.mean(0) - y.mean(0)) ** 2).sum()
        out[f"{name}/x"], out[f"{name}/y"] = x, y
        out[f"{name}/mean"], out[f"{name}/covariance"] = x.mean(0), sx
        out[f"{name}/eigenvalues"] = linalg.eigh(sx, eigvals_only=True)
        if "singular" not in name:
            out[f"{name}/root"] = linalg.sqrtm(sx).real
        out[f"{name}/distance"] = [means + np.trace(sx) + np.trace(sy) - 2 * trace, means, trace]
        small = min(n, m)
        out[f"{name}/kernel"] = [kernel_distance(x[:small], y[:small])]
        out[f"{name}/overlap"] = [overlap(x, y, k) for k in (1, 3, 5)]


def outcome_fixture(out):
    rng = np.random.default_rng(300)
    logits = rng.normal(size=(200, 10)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p[:3] = np.eye(10)[:3]  # certain rows: 0 log 0 is 0
    asked = rng.integers(10, size=200)
    out["outcome/probabilities"], out["outcome/asked"] = p, asked
    out["outcome/confusion"] = [[((asked == a) & (p.argmax(1) == s)).sum() for s in range(10)] for a in range(10)]
    rows = []
    for label in range(10):
        chosen = p[asked == label]
        entropy, probability = stats.entropy(chosen, axis=1), chosen[:, label]
        interval = lambda v: stats.t.interval(0.95, len(v) - 1, loc=v.mean(), scale=stats.sem(v))
        rows.append([100 * (chosen.argmax(1) != label).mean(), entropy.mean(), *interval(entropy),
                     probability.mean(), *interval(probability)])
    out["outcome/forgotten"] = rows


def paired_fixture(out):
    rng = np.random.default_rng(301)
    before = rng.gamma(2, size=90)
    after = before + rng.normal(0.05, 0.2, size=90)
    labels = np.sort(rng.integers(4, size=90))
    out["paired/before"], out["paired/after"], out["paired/labels"] = before, after, labels
    rows = []
    for chosen in [np.ones(90, bool)] + [labels == c for c in range(4)]:
        d = (after - before)[chosen]
        test = stats.ttest_rel(after[chosen], before[chosen])
        assert abs(d.mean() / stats.sem(d) - test.statistic) < 1e-9
        rows.append([len(d), d.mean(), stats.sem(d), *stats.t.interval(0.95, len(d) - 1, loc=d.mean(), scale=stats.sem(d))])
    out["paired/results"] = rows


# --- npz_stored.npz, npz_deflated.npz -------------------------------------------------------------------------------

def arrays():
    rng = np.random.default_rng(400)
    a = rng.normal(size=(3, 3))
    sigma = a @ a.T
    return OrderedDict(mu=np.array([0.5, -1.25, 3.0]), sigma=sigma, scalar=np.array(2.5), empty=np.zeros((0, 4)),
                       single=np.arange(6, dtype=np.float32).reshape(2, 3) / 7, cube=np.arange(24.0).reshape(2, 3, 4),
                       cube_fortran=np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
                       single_fortran=np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3) / 7),
                       version2=np.array([1.0, 2.0]), version3=np.array([[3.0], [4.0]]),
                       objects=np.array([{}, None], dtype=object), big=np.array([1.0, 2.0], dtype=">f8"),
                       integers=np.arange(3), structured=np.zeros(2, dtype=[("a", "<f8"), ("b", "<i4")]))


def write_npz(path, method):
    """As numpy.savez, but for the versions of two headers and for the time of writing, which is fixed."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, array in arrays().items():
            version = {"version2": (2, 0), "version3": (3, 0)}.get(name, None)
            part = io.BytesIO()
            np.lib.format.write_array(part, array, version=version, allow_pickle=True)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), method)
    with np.load(path) as back:
        assert all(np.array_equal(back[k], v) for k, v in arrays().items() if k != "objects")
    print(f"{path.name}: {path.stat().st_size} bytes")


def generation_fixture():
    out = OrderedDict()
    for part in (set_fixture, outcome_fixture, paired_fixture):
        part(out)
    return out


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
write(folder / "generation.safetensors", generation_fixture())
write_npz(folder / "npz_stored.npz", zipfile.ZIP_STORED)
write_npz(folder / "npz_deflated.npz", zipfile.ZIP_DEFLATED)
