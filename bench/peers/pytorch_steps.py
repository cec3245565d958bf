"""Times PyTorch on the steps that Lur times, on the same machine: one SGD step, and one exact LUR step by double backward.

    python3 bench/peers/pytorch_steps.py [--width 64] [--batch 32] [--repeats 5] [--what sgd,lur] [--threads 2]

Prints one JSON object: milliseconds per step (median, minimum), peak resident memory, versions. The network is the CIFAR
ResNet-18 of the unlearning papers: 3x3 stem, basic blocks 2-2-2-2, first-stage width as given. Needs torch only
(Debian: python3-torch).
"""
import argparse
import json
import platform
import resource
import statistics
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
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
        cin, stages = width, []
        for s in range(4):
            cout = width << s
            stages.append(nn.Sequential(Block(cin, cout, 2 if s else 1), Block(cout, cout, 1)))
            cin = cout
        self.layers = nn.Sequential(*stages)
        self.fc = nn.Linear(cin, classes)

    def forward(self, x):
        x = self.layers(F.relu(self.bn1(self.conv1(x))))
        return self.fc(x.mean((2, 3)))


def sgd_step(model, optimizer, x, y):
    optimizer.zero_grad(set_to_none=True)
    F.cross_entropy(model(x), y).backward()
    optimizer.step()


def lur_step(model, optimizer, xr, yr, xf, yf, alpha, lam):
    """G = g + lam (v - alpha H v) by differentiating the bilevel objective with create_graph."""
    names, params = zip(*model.named_parameters())
    loss_r = F.cross_entropy(model(xr), yr)
    g = torch.autograd.grad(loss_r, params, create_graph=True)
    ahead = {n: p - alpha * gi for n, p, gi in zip(names, params, g)}
    loss_u = -F.cross_entropy(torch.nn.utils.stateless.functional_call(model, ahead, xf), yf)
    total = torch.autograd.grad(loss_r + lam * loss_u, params)
    for p, gi in zip(params, total):
        p.grad = gi
    optimizer.step()


def measure(step, repeats):
    step()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return {"all_ms": times, "median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--what", default="sgd")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = ResNet18(args.width).to(args.device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def batch():
        shape = (args.batch, 3, args.size, args.size)
        return torch.rand(shape, device=args.device), torch.randint(0, 10, (args.batch,), device=args.device)

    xr, yr = batch()
    xf, yf = batch()
    result = {"torch": torch.__version__, "python": platform.python_version(), "threads": args.threads, "device": args.device,
              "model": f"resnet18:w{args.width}", "batch": args.batch, "repeats": args.repeats}

    def synchronised(step):
        def run():
            step()
            if args.device != "cpu":
                torch.cuda.synchronize()
        return run

    for what in args.what.split(","):
        if what == "sgd":
            result["sgd"] = measure(synchronised(lambda: sgd_step(model, optimizer, xr, yr)), args.repeats)
        elif what == "lur":
            result["lur"] = measure(synchronised(lambda: lur_step(model, optimizer, xr, yr, xf, yf, 0.01, 0.05)), args.repeats)
        else:
            sys.exit(f"--what knows sgd and lur, not '{what}'")
    result["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main()
