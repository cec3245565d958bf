"""Times PyTorch on the steps of a diffusion UNet that Lur times, on the same machine.

    python3 bench/peers/pytorch_unet.py --widths 32,64 --attention 0,1 --layers 1 --size 16 --batch 32 --what adam [--repeats 5]
        [--device cpu]

Steps, several with commas between them: adam (noise loss, gradient clipped to norm 1, AdamW), lur (exact, by double backward), lur-none (first order), sample
(one step of DDIM with guidance: a batch of twice the size, without gradients); with -tf32
behind it a step may use TF32, without it never. Prints one JSON object: milliseconds of the steps and their peaks of memory on the
device (--device cuda), peak resident memory, versions; of several steps one that fails has its error instead. The network is diffusers' UNet2DModel with one attention head, as
`unet:w32,64:down01:up10:r1` of Lur's, class-conditional with a row for no class. Needs torch only (Debian: python3-torch).
"""
import argparse
import gc
import json
import math
import resource
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    try:
        from torch.func import functional_call
    except ImportError:
        from torch.nn.utils.stateless import functional_call
except ImportError:
    sys.exit("pytorch_unet.py needs PyTorch, which is not installed: apt-get install python3-torch")

CLASSES, GROUPS = 7, 8


class Residual(nn.Module):
    def __init__(self, inputs, outputs, embedding):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time = nn.Linear(embedding, outputs)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(e)[:, :, None, None]
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        n, c, h, w = x.shape
        t = self.norm(x).reshape(n, c, h * w).transpose(1, 2)
        p = torch.softmax(self.q(t) @ self.k(t).transpose(1, 2) / math.sqrt(c), -1)
        return x + self.out(p @ self.v(t)).transpose(1, 2).reshape(n, c, h, w)


class UNet(nn.Module):
    def __init__(self, widths, attention, layers):
        super().__init__()
        first = widths[0]
        self.first, self.layers = first, layers
        e = 4 * first
        self.time = nn.Sequential(nn.Linear(first, e), nn.SiLU(), nn.Linear(e, e))
        self.classes = nn.Embedding(CLASSES + 1, e)
        self.stem = nn.Conv2d(3, first, 3, padding=1)
        skips, width, down, up = [first], first, [], []
        for i, w in enumerate(widths):
            for _ in range(layers):
                down.append(nn.ModuleList([Residual(width, w, e), Attention(w) if attention[i] else nn.Identity()]))
                width = w
                skips.append(w)
            if i < len(widths) - 1:
                down.append(nn.Conv2d(w, w, 3, 2, 1))
                skips.append(w)
        self.middle = nn.ModuleList([Residual(width, width, e), Attention(width), Residual(width, width, e)])
        for i, w in reversed(list(enumerate(widths))):
            for _ in range(layers + 1):
                up.append(nn.ModuleList([Residual(width + skips.pop(), w, e), Attention(w) if attention[i] else nn.Identity()]))
                width = w
            if i > 0:
                up.append(nn.Conv2d(w, w, 3, padding=1))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        self.norm, self.head = nn.GroupNorm(GROUPS, first), nn.Conv2d(first, 3, 3, padding=1)

    def forward(self, x, t, c):
        half = self.first // 2
        a = t[:, None] * torch.exp(-math.log(10000) * torch.arange(half, device=x.device) / half)
        e = F.silu(self.time(torch.cat([a.cos(), a.sin()], 1)) + self.classes(c))
        h = self.stem(x)
        skips = [h]
        for block in self.down:
            h = block(h) if isinstance(block, nn.Conv2d) else block[1](block[0](h, e))
            skips.append(h)
        h = self.middle[2](self.middle[1](self.middle[0](h, e)), e)
        for block in self.up:
            if isinstance(block, nn.Conv2d):
                h = block(F.interpolate(h, scale_factor=2, mode="nearest"))
            else:
                h = block[1](block[0](torch.cat([h, skips.pop()], 1), e))
        return self.head(F.silu(self.norm(h)))


def at(model, names, params, inputs):
    return functional_call(model, dict(zip(names, params)), inputs)


def lur(model, optimizer, retain, forget, exact, alpha=1e-3, lam=0.5):
    names, params = zip(*model.named_parameters())
    loss = F.mse_loss(model(*retain[0]), retain[1])
    g = torch.autograd.grad(loss, params, create_graph=exact)
    ahead = [p - alpha * gi for p, gi in zip(params, g)]
    if exact:
        total = torch.autograd.grad(loss + lam * F.mse_loss(at(model, names, ahead, forget[0]), forget[1]), params)
    else:
        ahead = [a.detach().requires_grad_() for a in ahead]
        v = torch.autograd.grad(F.mse_loss(at(model, names, ahead, forget[0]), forget[1]), ahead)
        total = [gi + lam * vi for gi, vi in zip(g, v)]
    for p, gi in zip(params, total):
        p.grad = gi
    nn.utils.clip_grad_norm_(params, 1.0)
    optimizer.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(n) for n in text.split(",")]
    parser.add_argument("--widths", type=numbers, default=[32, 64])
    parser.add_argument("--attention", type=numbers, default=[0, 1])
    for name, default in (("layers", 1), ("size", 16), ("batch", 32), ("repeats", 5), ("threads", 2)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--what", default="adam")
    parser.add_argument("--device", default="cpu")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    gpu = a.device != "cpu"
    result = {"torch": torch.__version__, "device": a.device}
    for what in a.what.split(","):
        name = what.replace("-tf32", "")
        if name not in ("adam", "lur", "lur-none", "sample"):
            sys.exit(f"--what knows adam, lur, lur-none and sample, not '{what}'")
        gc.collect()
        if gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name != what
        try:
            times, result["parameters"] = measure(a, name, gpu)
            result[what] = {"all_ms": times, "peak_device_bytes": torch.cuda.max_memory_allocated() if gpu else 0}
        except RuntimeError as e:
            if "," not in a.what:
                raise
            result[what] = {"error": str(e).splitlines()[0]}
    if "," not in a.what:
        result["all_ms"] = result[a.what]["all_ms"]
    result["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result))


def measure(a, what, gpu):
    """Milliseconds of each repeat, and the number of parameters."""
    torch.manual_seed(1)
    model = UNet(a.widths, a.attention, a.layers).to(a.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, weight_decay=0)
    rows = 2 * a.batch if what == "sample" else a.batch

    def batch():
        x = torch.randn(rows, 3, a.size, a.size, device=a.device)
        numbers = (torch.randint(0, n, (rows,), device=a.device) for n in (1000, CLASSES))
        return (x, *numbers), torch.randn_like(x)

    retain, forget = batch(), batch()

    def step():
        if what == "sample":
            with torch.no_grad():
                null, given = model(*retain[0]).chunk(2)
                return (null + 2 * (given - null)).clamp(-1, 1)
        if what == "adam":
            optimizer.zero_grad(set_to_none=True)
            F.mse_loss(model(*retain[0]), retain[1]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            return optimizer.step()
        return lur(model, optimizer, retain, forget, what == "lur")

    times = []
    for i in range(-1, a.repeats):
        start = time.perf_counter()
        step()
        if gpu:
            torch.cuda.synchronize()
        if i >= 0:
            times.append((time.perf_counter() - start) * 1e3)
    return times, sum(p.numel() for p in model.parameters())


if __name__ == "__main__":
    main()
