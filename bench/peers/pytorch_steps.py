"""Times PyTorch on the steps that Lur times, on the same machine, and checks that they are the same steps.

    python3 bench/peers/pytorch_steps.py [--width 64] [--batch 32] [--repeats 5] [--what sgd,lur] [--threads 2] [--device cpu]
    python3 bench/peers/pytorch_steps.py --check FOLDER

Steps: sgd; lur (exact, by double backward), lur-fd (central finite difference), lur-none (first order); scissorhands-N,
the step of ScissorHands by its published formula with N memories, and scissorhands-N-first, which takes the memories anew
before it, as the first step of an epoch does. With -tf32 behind it a step may use TF32, without it never; sgd-best is PyTorch at
its fastest: channels last, bfloat16 by autocast and, on a GPU, the whole step in a CUDA graph.

The first form prints one JSON object: milliseconds per step, its peak of memory on the device (--device cuda), peak resident
memory, versions; a step that fails has its error instead. The second repeats, in float64,
the steps that `Lur.Bench peer-check FOLDER` wrote, and prints one JSON array with the differences. The network is the CIFAR
ResNet-18 of the unlearning papers: 3x3 stem, basic blocks 2-2-2-2, first-stage width as given. Needs torch only
(Debian: python3-torch).
"""
import argparse
import copy
import gc
import json
import os
import platform
import resource
import statistics
import struct
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
    sys.exit("pytorch_steps.py needs PyTorch, which is not installed: apt-get install python3-torch")


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.downsample = None
        if stride != 1 or cin != cout:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self, width, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        cin = width
        for s in range(4):
            cout = width << s
            setattr(self, f"layer{s + 1}", nn.Sequential(Block(cin, cout, 2 if s else 1), Block(cout, cout, 1)))
            cin = cout
        self.fc = nn.Linear(cin, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def sgd_step(model, optimizer, x, y):
    optimizer.zero_grad(set_to_none=True)
    F.cross_entropy(model(x), y).backward()
    optimizer.step()


def at(model, names, params, x, buffers=None):
    """The model's output with other parameters; given buffers take the place of the model's and the updates meant for them."""
    state = dict(zip(names, params))
    state.update(buffers or {})
    return functional_call(model, state, x)


def lur_step(model, optimizer, xr, yr, xf, yf, alpha, lam, hvp, radius=0.01):
    """G = g + lam (v - alpha h), v = grad of -CE_f at theta - alpha g, h = H_r v: exact by differentiating the bilevel
    objective with create_graph, fd by two more retain gradients at theta +- eps v, eps = radius / |v|, none with h = 0."""
    names, params = zip(*model.named_parameters())
    loss_r = F.cross_entropy(model(xr), yr)
    g = torch.autograd.grad(loss_r, params, create_graph=hvp == "exact")
    if hvp == "exact":
        loss_u = -F.cross_entropy(at(model, names, [p - alpha * gi for p, gi in zip(params, g)], xf), yf)
        total = torch.autograd.grad(loss_r + lam * loss_u, params)
    else:
        ahead = [(p - alpha * gi).detach().requires_grad_() for p, gi in zip(params, g)]
        v = torch.autograd.grad(-F.cross_entropy(at(model, names, ahead, xf), yf), ahead)
        u = v
        if hvp == "fd":
            eps = radius / torch.sqrt(sum((vi.double() ** 2).sum() for vi in v)).item()
            sides = []
            for sign in (eps, -eps):
                moved = [(p + sign * vi).detach().requires_grad_() for p, vi in zip(params, v)]
                buffers = {n: b.clone() for n, b in model.named_buffers()}
                sides.append(torch.autograd.grad(F.cross_entropy(at(model, names, moved, xr, buffers), yr), moved))
            u = [vi - alpha * (a - b) / (2 * eps) for vi, a, b in zip(v, *sides)]
        total = [gi + lam * ui for gi, ui in zip(g, u)]
    for p, gi in zip(params, total):
        p.grad = gi
    optimizer.step()


def late(model):
    """Parameters of the layers that ScissorHands trims and projects on CIFAR-10, their BatchNorm included."""
    return [p for n, p in model.named_parameters() if any(layer in n for layer in ("layer3", "layer4", "fc"))]


def memories(model, batches):
    """One row for each forget batch: the gradient of -CE over the late layers, of a copy of the model in evaluation mode."""
    proxy = copy.deepcopy(model).eval()
    rows = []
    for x, y in batches:
        proxy.zero_grad(set_to_none=True)
        (-F.cross_entropy(proxy(x), y)).backward()
        rows.append(torch.cat([p.grad.flatten() for p in late(proxy)]))
    return torch.stack(rows)


def multipliers(gram, products, margin, ridge=1e-3):
    """GEM's dual: v >= margin that minimises v'Pv/2 + d'v, P = MM' + ridge I. One memory has a closed form; more are solved by
    projected coordinate descent, which ends where no coordinate moves."""
    if len(products) == 1:
        return [max(margin, -products[0] / (gram[0][0] + ridge))]
    v = [margin] * len(products)
    for _ in range(100000):
        largest = 0.0
        for i, row in enumerate(gram):
            slope = products[i] + ridge * v[i] + sum(p * vj for p, vj in zip(row, v))
            moved = max(margin, v[i] - slope / (row[i] + ridge))
            largest, v[i] = max(largest, abs(moved - v[i]) / moved), moved
        if largest < 1e-14:
            break
    return v


def scissorhands_step(model, optimizer, memory, xr, yr, xf, yf, lam, margin):
    """CE_r - lam CE_f by two train-mode forwards; where the gradient over the late layers has a negative product with a memory,
    it is projected; then SGD. Returns True where it was."""
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(xr), yr) - lam * F.cross_entropy(model(xf), yf)
    loss.backward()
    params = late(model)
    g = torch.cat([p.grad.flatten() for p in params])
    products = (memory @ g).double().tolist()
    violated = min(products) < 0
    if violated:
        v = multipliers((memory @ memory.T).double().tolist(), products, margin)
        g = g + torch.tensor(v, dtype=g.dtype, device=g.device) @ memory
        for p, part in zip(params, torch.split(g, [p.numel() for p in params])):
            p.grad.copy_(part.view_as(p))
    optimizer.step()
    return violated


def measure(step, repeats):
    step()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return {"all_ms": times, "median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}


def read(path):
    """Tensors and metadata of a safetensors file."""
    kinds = {"F64": torch.float64, "I64": torch.int64, "U8": torch.uint8}
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(data[begin:end], dtype=kinds[entry["dtype"]]).reshape(entry["shape"]) if end > begin else torch.zeros(entry["shape"])
    return tensors, metadata


def repeat_steps(folder):
    """Makes the steps that Lur made and compares weights and running statistics."""
    step = os.path.basename(folder)
    before, after = (read(os.path.join(folder, name + ".safetensors"))[0] for name in ("before", "after"))
    batches, options = read(os.path.join(folder, "batches.safetensors"))
    number = {k: float(v) for k, v in options.items()}
    model = ResNet18(int(options["width"]))
    model.load_state_dict(before)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=number["lr"], momentum=number["momentum"], weight_decay=number["weight-decay"])

    def pairs(name):
        images = (batches[name + "/images"].double() / 255 - 0.5) / 0.25
        return list(zip(images, batches[name + "/labels"]))

    retain, forget, count = pairs("retain"), pairs("forget"), int(number["memories"])
    remembered = pairs("memory") if count else []
    epoch = len(retain) * count // len(remembered) if count else 0
    memory, projected = None, 0
    for i, ((xr, yr), (xf, yf)) in enumerate(zip(retain, forget)):
        if step == "sgd":
            sgd_step(model, optimizer, xr, yr)
        elif step in HVP:
            lur_step(model, optimizer, xr, yr, xf, yf, number["alpha"], number["lambda"], HVP[step], number["fd-radius"])
        else:
            if i % epoch == 0:
                memory = memories(model, remembered[i // epoch * count:][:count])
            projected += scissorhands_step(model, optimizer, memory, xr, yr, xf, yf, number["lambda"], number["margin"])

    def difference(names):
        now = model.state_dict()
        norm = lambda x, y: sum(((x[n] - y[n]) ** 2).sum().item() for n in names) ** 0.5
        return norm(now, after) / norm(after, before)

    names = [n for n, _ in model.named_parameters()]
    result = {"step": step, "weights": difference(names), "statistics": difference([n for n in after if "running" in n])}
    if count:
        result.update(projected=projected, projectedByLur=int(number["projected"]))
    return result


def synchronised(step, gpu):
    def run():
        step()
        if gpu:
            torch.cuda.synchronize()
    return run


def best_sgd(model, x, y, make_optimizer):
    """One step of SGD as fast as PyTorch makes it, on a batch that stays where it is."""
    model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(model)

    def step():
        optimizer.zero_grad(set_to_none=True)
        # No cache of casts: a graph would replay one that was made outside of it.
        with torch.autocast(x.device.type, dtype=torch.bfloat16, cache_enabled=False):
            loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

    if x.device.type == "cpu":
        return step
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def make_step(args, what):
    """A model of its own and what makes one step with it."""
    torch.manual_seed(1)
    model = ResNet18(args.width).to(args.device).train()

    def make_optimizer(m):
        return torch.optim.SGD(m.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)

    def batch():
        shape = (args.batch, 3, args.size, args.size)
        return torch.rand(shape, device=args.device), torch.randint(0, 10, (args.batch,), device=args.device)

    xr, yr = batch()
    if what == "sgd-best":
        return best_sgd(model, xr, yr, make_optimizer)
    optimizer = make_optimizer(model)
    if what == "sgd":
        return lambda: sgd_step(model, optimizer, xr, yr)
    xf, yf = batch()
    if what in HVP:
        return lambda: lur_step(model, optimizer, xr, yr, xf, yf, 0.01, 0.05, HVP[what])
    words = what.split("-")[1:]
    batches = [batch() for _ in range(int(words[0]))]
    kept = None if words[1:] == ["first"] else memories(model, batches)
    return lambda: scissorhands_step(model, optimizer, memories(model, batches) if kept is None else kept, xr, yr, xf, yf, 0.05, 0.5)


HVP = {"lur": "exact", "lur-fd": "fd", "lur-none": "none"}


def check(folder):
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    print(json.dumps([repeat_steps(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--what", default="sgd")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--check", metavar="FOLDER")
    args = parser.parse_args()
    if args.check:
        return check(args.check)
    torch.set_num_threads(args.threads)
    gpu = args.device != "cpu"
    result = {"torch": torch.__version__, "python": platform.python_version(), "threads": args.threads, "device": args.device,
              "model": f"resnet18:w{args.width}", "batch": args.batch, "repeats": args.repeats}
    for what in args.what.split(","):
        step = what.replace("-tf32", "")
        if step not in ("sgd", "sgd-best", *HVP) and not step.startswith("scissorhands-"):
            sys.exit(f"--what knows sgd, sgd-best, {', '.join(HVP)}, scissorhands-N and scissorhands-N-first, not '{what}'")
        gc.collect()
        if gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = step != what or step == "sgd-best"
        try:
            result[what] = measure(synchronised(make_step(args, step), gpu), args.repeats)
            result[what]["peak_device_bytes"] = torch.cuda.max_memory_allocated() if gpu else 0
        except RuntimeError as e:
            # One that fails alone, out of memory or not known to this PyTorch, among others that do not; alone it fails the program.
            if "," not in args.what:
                raise
            result[what] = {"error": str(e).splitlines()[0]}
    result["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main()
