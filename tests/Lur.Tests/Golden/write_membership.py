#!/usr/bin/env python3
"""Writes svm.safetensors, membership.safetensors and logistic.safetensors with scikit-learn. README.md documents them.

    /usr/bin/python3 write_membership.py [OUTPUT_FOLDER]    (Debian 12: apt-get install python3-sklearn; version 1.2.1)

The files are committed; the tests read them and never run this script. Seeds are fixed.
"""

import json
import struct
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

TIGHT = 1e-9


def write(path, tensors):
    """safetensors: header length (u64, little endian), JSON header, tensors one after another; F64 only."""
    header, blobs, offset = OrderedDict(), [], 0
    header["__metadata__"] = {"source": f"scikit-learn {sklearn.__version__}"}
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


# --- svm.safetensors ------------------------------------------------------------------------------------------------

def gaussian(rng, n, d):
    y = rng.permutation(n) < n * 0.4
    return rng.normal(size=(n, d)) + np.where(y, 0.5, -0.5)[:, None], y


def saturated(rng, n):
    """True-class probabilities of an over-fitted network: most of the members, and of the others, at 1."""
    y = rng.permutation(n) < n // 2
    logit = rng.normal(np.where(y, 9.0, 4.0), np.where(y, 2.0, 4.0))
    return np.round(1 / (1 + np.exp(-logit)), 4)[:, None], y


def exact(x, y, queries, c, gamma):
    """The solution in float64. libsvm keeps kernel values in float32, which leaves its best solution up to 1e-4 off: its
    active set is taken, the free multipliers and the bias are solved for, and the optimality conditions are checked."""
    kernel = lambda u, v: np.exp(-gamma * ((u[:, None] - v[None]) ** 2).sum(-1))
    machine = SVC(C=c, gamma=gamma, tol=TIGHT).fit(x, y)
    sign, k, a = np.where(y, 1.0, -1.0), kernel(x, x), np.zeros(len(x))
    a[machine.support_] = np.abs(machine.dual_coef_[0])
    free = np.flatnonzero((a > 1e-9 * c) & (a < (1 - 1e-9) * c))
    a[a >= (1 - 1e-9) * c], a[free] = c, 0
    n = len(free)
    system = np.ones((n + 1, n + 1))
    system[:n, :n], system[n, n] = k[np.ix_(free, free)], 0
    right = np.append(sign[free] - k[free] @ (a * sign), -(a * sign).sum())
    solution = np.linalg.lstsq(system, right, rcond=1e-15)[0]  # copies of a sample make it singular, and consistent
    a[free] = solution[:n] * sign[free]
    residual = sign - k @ (a * sign)
    up, low = np.where(y, a < c, a > 0), np.where(y, a > 0, a < c)
    high, bottom = residual[up].max(), residual[low].min()
    assert a.min() >= 0 and a.max() <= c and abs(a @ sign) < 1e-9 * c and high - bottom < 1e-10, "not the solution"
    bias = solution[n] if n else (high + bottom) / 2
    objective = 0.5 * (a * sign) @ k @ (a * sign) - a.sum()
    return kernel(queries, x) @ (a * sign) + bias, objective


def svm_fixture():
    rng, out = np.random.default_rng(11), OrderedDict()
    cases = {
        "line": (*gaussian(rng, 200, 1), 3, 1),
        "line_stiff": (*gaussian(rng, 200, 1), 100, 10),
        "line_duplicates": (*(lambda x, y: (np.round(x, 1), y))(*gaussian(rng, 200, 1)), 3, 1),
        "line_saturated": (*saturated(rng, 200), 3, 1),
        "five": (*gaussian(rng, 200, 5), 3, 0.2),
        "five_soft": (*gaussian(rng, 200, 5), 0.1, 1),
        "five_duplicates": (*(lambda x, y: (np.round(x), y))(*gaussian(rng, 200, 5)), 10, 0.05),
    }
    for name, (x, y, c, gamma) in cases.items():
        queries = np.concatenate([x[::4], rng.normal(size=(50, x.shape[1])) * 1.5])
        default = SVC(C=c, gamma=gamma).fit(x, y)
        decision, objective = exact(x, y, queries, c, gamma)
        out[f"{name}/options"] = [c, gamma, TIGHT]
        out[f"{name}/x"], out[f"{name}/y"], out[f"{name}/queries"] = x, y, queries
        out[f"{name}/decision_default"] = default.decision_function(queries)
        out[f"{name}/decision"], out[f"{name}/objective"] = decision, [objective]
    return out


# --- membership.safetensors -----------------------------------------------------------------------------------------

def predictions(rng, n, classes, margin, spread):
    labels = rng.integers(classes, size=n)
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), labels] += rng.normal(margin, spread, size=n)
    p = np.exp(logits - logits.max(1, keepdims=True))
    return (p / p.sum(1, keepdims=True)).astype(np.float32).astype(np.float64), labels


def modified_entropy(p, y):
    """Song and Mittal, 2021: -(1 - p_y) log p_y - sum of p_i log(1 - p_i) over the other classes."""
    log = lambda v: np.log(np.maximum(v, 1e-30))
    total = []
    for row, label in zip(p, y):
        value = -(1 - row[label]) * log(row[label])
        value -= sum(row[i] * log(1 - row[i]) for i in range(len(row)) if i != label)
        total.append(value)
    return np.array(total)


def published_modified_entropy(p, y):
    """What the published code computes: the columns of all labels of the set are reversed in every row, log p throughout."""
    labelled = np.isin(np.arange(p.shape[1]), y)
    log = np.log(np.where(p > 0, p, 1e-30))
    return -(np.where(labelled, 1 - p, p) * log).sum(1)


FEATURES = {
    "confidence": lambda p, y: p[np.arange(len(y)), y],
    "correctness": lambda p, y: (p.argmax(1) == y).astype(np.float64),
    "entropy": lambda p, y: -np.where(p > 0, p * np.log(np.maximum(p, 1e-300)), 0).sum(1),
    "modified_entropy": modified_entropy,
    "modified_entropy_published": published_modified_entropy,
    "probabilities": lambda p, y: p,
}


def attack(members, others, targets_in, targets_out, clearance):
    """Mean of (share of targets_in judged members) and (share of targets_out judged not), of those that are given."""
    column = lambda v: v.reshape(len(v), -1)
    x = np.concatenate([column(members), column(others)])
    machine = SVC(C=3, gamma="auto", kernel="rbf").fit(x, np.arange(len(x)) < len(members))
    scores = []
    for targets, judged_in in ((targets_in, True), (targets_out, False)):
        if targets is not None:
            scores.append(np.mean(machine.predict(column(targets)) == judged_in))
            clearance.append(np.abs(machine.decision_function(column(targets))).min())
    return np.mean(scores)


def membership_fixture():
    classes, out, clearance = 5, OrderedDict(), []
    rng = np.random.default_rng(SEED)
    sets = {"retain": predictions(rng, 260, classes, 5, 1.5), "test": predictions(rng, 220, classes, 3, 2),
            "forget": predictions(rng, 61, classes, 3.5, 2)}
    sets["forget"] = (sets["forget"][0], np.where(sets["forget"][1] == 4, 3, sets["forget"][1]))  # one class is absent
    for name, (p, y) in sets.items():
        out[f"{name}/probabilities"], out[f"{name}/labels"] = p, y
    n, half = len(sets["test"][1]), len(sets["test"][1]) // 2
    for name, feature in FEATURES.items():
        # As the published code does: the feature is computed over each set that is passed, not over whole data sets.
        f = lambda s, part=slice(None): feature(sets[s][0][part], sets[s][1][part])
        efficacy = attack(f("retain", slice(n)), f("test"), None, f("forget"), clearance)
        privacy = attack(f("retain", slice(half)), f("test", slice(half)), f("retain", slice(half, None)),
                         f("test", slice(half, None)), clearance)
        out[name] = [efficacy, privacy]
        print(f"  {name}: forget efficacy {efficacy:.4f}, training privacy {privacy:.4f}")
    print(f"  closest decision value to 0: {min(clearance):.1e}")
    assert min(clearance) > 2e-3, "two solvers could disagree about a sample: take another seed"
    return out


# --- logistic.safetensors -------------------------------------------------------------------------------------------

def logistic_fixture():
    rng, out = np.random.default_rng(12), OrderedDict()
    y = np.arange(80) < 50
    cases = {"overlapping": rng.exponential(np.where(y, 0.4, 1.2)), "separable": np.where(y, -2.0, 3.0) + rng.normal(size=80) * 0.1,
             "constant": np.full(80, 0.7), "large": rng.normal(np.where(y, 40, 60), 15)}
    for name, x in cases.items():
        model = LogisticRegression(C=1, solver="newton-cg", tol=1e-8, max_iter=1000).fit(x[:, None], y)
        out[f"{name}/x"], out[f"{name}/y"] = x, y
        out[f"{name}/coefficients"] = [model.coef_[0, 0], model.intercept_[0]]
    return out


SEED = 15
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
write(folder / "svm.safetensors", svm_fixture())
write(folder / "membership.safetensors", membership_fixture())
write(folder / "logistic.safetensors", logistic_fixture())
