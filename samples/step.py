"""step.py - LUR inside a PyTorch training loop: the loop has the model and its gradients, Lur does the arithmetic between.

    python3 samples/step.py liblur.so.0 [--quiet]

ctypes only, no package to install. Arrays of NumPy and tensors of PyTorch come by DLPack, without a copy: Lur writes into
them. A linear model (NumPy) and a network of two layers (PyTorch) forget a few samples while they keep the others; every
step is made once more in plain NumPy or by autograd, and the weights are compared.
"""
import ctypes as c
import math
import sys

import numpy as np

try:
    import torch
except ImportError:
    torch = None

STEPS, ALPHA, WEIGHT, RATE, MOMENTUM = 12, 0.1, 0.7, 0.2, 0.9
F64, HOST, FD, GIVEN = 2, 2, 1, 2


# ---- lur.h, as far as it is used here --------------------------------------------------------------------------------

class SessionOptions(c.Structure):
    _fields_ = [("size", c.c_uint32), ("device_kind", c.c_int32), ("ordinal", c.c_int32), ("threads", c.c_int32),
                ("context", c.c_void_p), ("stream", c.c_void_p), ("allocate", c.c_void_p), ("release", c.c_void_p),
                ("allocator_user", c.c_void_p), ("log", c.c_void_p), ("log_user", c.c_void_p), ("log_level", c.c_int32),
                ("flags", c.c_uint32), ("cache_folder", c.c_char_p), ("kernel_folder", c.c_char_p)]


class StepOptions(c.Structure):
    _fields_ = [("size", c.c_uint32), ("dtype", c.c_int32), ("second_order", c.c_int32), ("nesterov", c.c_int32)] + [
        (name, c.c_double) for name in ("alpha", "forget_weight", "retain_weight", "learning_rate", "momentum",
                                        "weight_decay", "look_ahead_cap", "fd_radius")]


class Vector(c.Structure):
    _fields_ = [("size", c.c_uint32), ("segment_count", c.c_uint32), ("data", c.c_uint64), ("count", c.c_int64),
                ("segments", c.c_void_p)]


class DLTensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("device_type", c.c_int32), ("device_id", c.c_int32), ("ndim", c.c_int32),
                ("code", c.c_uint8), ("bits", c.c_uint8), ("lanes", c.c_uint16), ("shape", c.POINTER(c.c_int64)),
                ("strides", c.POINTER(c.c_int64)), ("byte_offset", c.c_uint64)]


class Lur:
    """The library, with a session on the CPU."""

    def __init__(self, path):
        self._library = c.CDLL(path)
        self._library.lur_error_text.restype = c.c_size_t
        options = SessionOptions()
        self("lur_session_options_init", c.byref(options), c.c_size_t(c.sizeof(options)))
        options.device_kind = HOST  # vectors lie in memory of this program
        self.session = c.c_void_p()
        self("lur_open", c.byref(options), c.byref(self.session))

    def __call__(self, name, *arguments):
        code = getattr(self._library, name)(*arguments)
        if code:
            text = c.create_string_buffer(512)
            self._library.lur_error_text(text, c.c_size_t(512))
            raise RuntimeError(f"{name}: error {code}: {text.value.decode()}")

    def wait(self):
        self("lur_wait", self.session)

    def close(self):
        self("lur_close", self.session)


def vector(array):
    """A vector over the memory of an array or tensor of doubles, by DLPack. Both must be kept while it is used."""
    capsule = array.__dlpack__()
    pointer = c.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = c.c_void_p, [c.py_object, c.c_char_p]
    t = c.cast(pointer(capsule, b"dltensor"), c.POINTER(DLTensor)).contents
    shape = [t.shape[i] for i in range(t.ndim)]
    dense = [math.prod(shape[i + 1:]) for i in range(t.ndim)]
    if (t.device_type, t.code, t.bits, t.lanes) != (1, 2, 64, 1):
        raise TypeError("expected 64 bit floats in host memory")
    if t.strides and any(n > 1 and t.strides[i] != dense[i] for i, n in enumerate(shape)):
        raise TypeError("expected an array without gaps")
    return Vector(c.sizeof(Vector), 0, t.data + t.byte_offset, math.prod(shape), None)


class Step:
    """A step for vectors like a given one; a, b, ... below are vectors."""

    def __init__(self, lur, second_order, like):
        self._lur, self._handle = lur, c.c_void_p()
        options = StepOptions()
        lur("lur_step_options_init", c.byref(options), c.c_size_t(c.sizeof(options)))
        options.dtype, options.second_order = F64, second_order
        options.alpha, options.forget_weight, options.learning_rate = ALPHA, WEIGHT, RATE
        options.momentum = MOMENTUM
        lur("lur_step_create", lur.session, c.byref(options), c.byref(like), c.byref(self._handle))

    def __call__(self, name, *vectors):
        self._lur(f"lur_step_{name}_enqueue", self._handle, *[None if v is None else c.byref(v) for v in vectors])
        self._lur.wait()  # gradients are made outside the session's stream

    def perturb(self, sign, *vectors):
        self._lur("lur_step_perturb_enqueue", self._handle, c.c_int32(sign), *[c.byref(v) for v in vectors])
        self._lur.wait()

    def close(self):
        self._lur("lur_step_destroy", self._handle)


# ---- a linear model, with the finite difference ----------------------------------------------------------------------

def forget_with_numpy(lur):
    """Least squares: its gradient is linear, so that the finite difference is the Hessian's product to rounding."""
    random = np.random.default_rng(1)
    kept, forgotten = random.normal(size=(60, 20)), random.normal(size=(8, 20))
    goal = random.normal(size=20)

    def gradient(x, theta):
        return x.T @ (x @ (theta - goal)) / len(x)

    theta, plain = np.zeros(20), np.zeros(20)
    buffers = {name: np.zeros(20) for name in ("g", "v", "h", "ahead", "momentum", "minus")}
    at = {name: vector(array) for name, array in buffers.items()}
    step = Step(lur, FD, vector(theta))
    momentum = np.zeros(20)
    for _ in range(STEPS):
        buffers["g"][:] = gradient(kept, theta)
        step("look_ahead", vector(theta), at["g"], at["ahead"])
        buffers["v"][:] = -gradient(forgotten, buffers["ahead"])
        step.perturb(1, vector(theta), at["v"], at["ahead"])
        buffers["h"][:] = gradient(kept, buffers["ahead"])
        step.perturb(-1, vector(theta), at["v"], at["ahead"])
        buffers["minus"][:] = gradient(kept, buffers["ahead"])
        step("difference", at["h"], at["minus"], at["h"])
        step("update", vector(theta), at["momentum"], at["g"], at["v"], at["h"], None)

        g = gradient(kept, plain)
        v = -gradient(forgotten, plain - ALPHA * g)
        h = kept.T @ (kept @ v) / len(kept)
        momentum = MOMENTUM * momentum + g + WEIGHT * (v - ALPHA * h)
        plain = plain - RATE * momentum
    step.close()
    return float(np.abs(theta - plain).max())


# ---- a network, with autograd's own second order ---------------------------------------------------------------------

def forget_with_torch(lur):
    torch.manual_seed(1)
    sizes = [(16, 5), (16,), (3, 16), (3,)]
    count = sum(math.prod(s) for s in sizes)
    kept, forgotten = torch.randn(40, 5, dtype=torch.float64), torch.randn(6, 5, dtype=torch.float64)
    labels, forgotten_labels = torch.randint(3, (40,)), torch.randint(3, (6,))

    def loss(theta, x, y):
        w1, b1, w2, b2 = (p.reshape(s) for p, s in zip(theta.split([math.prod(s) for s in sizes]), sizes))
        return torch.nn.functional.cross_entropy(torch.tanh(x @ w1.T + b1) @ w2.T + b2, y)

    def gradient(theta, x, y, graph=False):
        leaf = theta.detach().requires_grad_()
        return leaf, torch.autograd.grad(loss(leaf, x, y), leaf, create_graph=graph)[0]

    def zeros():
        return torch.zeros(count, dtype=torch.float64)

    theta = 0.3 * torch.randn(count, dtype=torch.float64)
    plain, momentum = theta.clone(), zeros()
    buffers = {name: zeros() for name in ("g", "v", "h", "ahead", "momentum")}
    at = {name: vector(tensor) for name, tensor in buffers.items()}
    step = Step(lur, GIVEN, vector(theta))
    for _ in range(STEPS):
        leaf, g = gradient(theta, kept, labels, graph=True)
        buffers["g"].copy_(g.detach())
        step("look_ahead", vector(theta), at["g"], at["ahead"])
        buffers["v"].copy_(-gradient(buffers["ahead"], forgotten, forgotten_labels)[1])
        buffers["h"].copy_(torch.autograd.grad(g, leaf, buffers["v"].clone())[0])
        step("update", vector(theta), at["momentum"], at["g"], at["v"], at["h"], None)

        # The same, all of it by autograd: the gradient of L_r + w L_u(theta - alpha grad L_r).
        leaf, g = gradient(plain, kept, labels, graph=True)
        total = loss(leaf, kept, labels) - WEIGHT * loss(leaf - ALPHA * g, forgotten, forgotten_labels)
        momentum = MOMENTUM * momentum + torch.autograd.grad(total, leaf)[0]
        plain = plain - RATE * momentum
    step.close()
    return float((theta - plain).abs().max())


def main():
    lur = Lur(sys.argv[1])
    # Doubles; a dozen steps of sums over at most 60 samples. The difference loses half of the digits of rounding: 1e-8.
    parts = [("NumPy, finite difference", forget_with_numpy, 1e-8)]
    if torch is not None:
        parts.append(("PyTorch, given by autograd", forget_with_torch, 1e-12))
    for name, forget, allowed in parts:
        difference = forget(lur)
        if "--quiet" not in sys.argv:
            print(f"{name}: weights differ by {difference:.1e} after {STEPS} steps")
        if not difference < allowed:
            sys.exit(f"{name}: weights differ by {difference}, more than {allowed}")
    lur.close()
    if torch is None and "--quiet" not in sys.argv:
        print("PyTorch is not installed: its part was left out")


if __name__ == "__main__":
    main()
