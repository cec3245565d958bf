#!/usr/bin/env python3
"""Writes diffusion/unet2d_condition_odd.safetensors with PyTorch, from the published description of the network alone. README.md
documents it.

    /usr/bin/python3 write_condition.py [OUTPUT_FOLDER]    (Debian 12: apt-get install python3-torch; version 1.13)

The file is committed; the tests read it and never run this script. Seeds are fixed. The network is diffusers' UNet2DConditionModel with
what the other fixture of it has not: images of odd sizes, three levels with heads of their own, two transformer blocks, and projections
that are matrices. Weights, inputs and directions are float32 numbers; everything is computed in float64 with autograd's derivatives.
"""

import json
import math
import struct
import sys
from collections import OrderedDict
from pathlib import Path

import torch
import torch.nn.functional as F

CONFIG = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": [7, 5],
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": [4, 8, 8],
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "layers_per_block": 1,
    "transformer_layers_per_block": 2,
    "cross_attention_dim": 6,
    "attention_head_dim": [1, 2, 4],
    "norm_num_groups": 2,
    "use_linear_projection": True,
}
WIDTHS, LAYERS, HEADS = CONFIG["block_out_channels"], CONFIG["layers_per_block"], CONFIG["attention_head_dim"]
GROUPS, CONTEXT, DEPTH = CONFIG["norm_num_groups"], CONFIG["cross_attention_dim"], CONFIG["transformer_layers_per_block"]
ROWS, LAMBDA, ETA, RETAIN = 5, 0.7, 1.5, 1.0


class Shapes:
    """Records the tensors that the network asks for."""

    def __init__(self):
        self.shapes = OrderedDict()

    def __call__(self, name, *shape):
        self.shapes[name] = shape
        return torch.zeros(shape, dtype=torch.float64)


class Weights:
    def __init__(self, tensors):
        self.tensors = tensors

    def __call__(self, name, *shape):
        assert tuple(self.tensors[name].shape) == shape, name
        return self.tensors[name]


def norm(w, name, x, axes, eps):
    """Mean 0 and variance 1 over some axes of x; weight and bias follow."""
    mean = x.mean(axes, keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(axes, keepdim=True) + eps)


def group_norm(w, name, x, eps):
    n, c, h, v = x.shape
    y = norm(w, name, x.reshape(n, GROUPS, -1), 2, eps).reshape(x.shape)
    return y * w(name + ".weight", c)[:, None, None] + w(name + ".bias", c)[:, None, None]


def layer_norm(w, name, x):
    return norm(w, name, x, -1, 1e-5) * w(name + ".weight", x.shape[-1]) + w(name + ".bias", x.shape[-1])


def silu(x):
    return x * torch.sigmoid(x)


def linear(w, name, x, out, bias=True):
    y = x @ w(name + ".weight", out, x.shape[-1]).T
    return y + w(name + ".bias", out) if bias else y


def conv(w, name, x, out, size=3, stride=1):
    return F.conv2d(x, w(name + ".weight", out, x.shape[1], size, size), w(name + ".bias", out), stride, size // 2)


def resnet(w, name, x, e, out):
    h = conv(w, name + ".conv1", silu(group_norm(w, name + ".norm1", x, 1e-5)), out)
    h = h + linear(w, name + ".time_emb_proj", silu(e), out)[:, :, None, None]
    h = conv(w, name + ".conv2", silu(group_norm(w, name + ".norm2", h, 1e-5)), out)
    return (x if x.shape[1] == out else conv(w, name + ".conv_shortcut", x, out, 1)) + h


def attention(w, name, x, context, heads):
    n, t, c = x.shape
    split = lambda y: y.reshape(n, -1, heads, c // heads).transpose(1, 2)
    q, k, v = (split(linear(w, f"{name}.to_{part}", of, c, False)) for part, of in (("q", x), ("k", context), ("v", context)))
    o = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(c // heads), -1) @ v
    return linear(w, name + ".to_out.0", o.transpose(1, 2).reshape(n, t, c), c)


def feed_forward(w, name, x):
    value, gate = linear(w, name + ".net.0.proj", x, 8 * x.shape[-1]).chunk(2, -1)
    return linear(w, name + ".net.2", value * gate * (1 + torch.erf(gate / math.sqrt(2))) / 2, x.shape[-1])


def transformer(w, name, x, context, heads):
    n, c, h, v = x.shape
    y = group_norm(w, name + ".norm", x, 1e-6).flatten(2).transpose(1, 2)
    y = linear(w, name + ".proj_in", y, c)
    for k in range(DEPTH):
        block = f"{name}.transformer_blocks.{k}"
        z = layer_norm(w, block + ".norm1", y)
        y = y + attention(w, block + ".attn1", z, z, heads)
        y = y + attention(w, block + ".attn2", layer_norm(w, block + ".norm2", y), context, heads)
        y = y + feed_forward(w, block + ".ff", layer_norm(w, block + ".norm3", y))
    return linear(w, name + ".proj_out", y, c).transpose(1, 2).reshape(x.shape) + x


def nearest(x, size):
    for axis, to in ((2, size[0]), (3, size[1])):
        x = x.index_select(axis, torch.arange(to) * x.shape[axis] // to)
    return x


def unet(w, x, times, context):
    half, wide, levels = WIDTHS[0] // 2, 4 * WIDTHS[0], len(WIDTHS)
    angles = times.double()[:, None] * torch.exp(-math.log(10000) * torch.arange(half).double() / half)
    e = torch.cat([torch.cos(angles), torch.sin(angles)], 1)
    e = linear(w, "time_embedding.linear_2", silu(linear(w, "time_embedding.linear_1", e, wide)), wide)
    h = conv(w, "conv_in", x, WIDTHS[0])
    skips = [h]
    for i, kind in enumerate(CONFIG["down_block_types"]):
        for j in range(LAYERS):
            h = resnet(w, f"down_blocks.{i}.resnets.{j}", h, e, WIDTHS[i])
            if "Cross" in kind:
                h = transformer(w, f"down_blocks.{i}.attentions.{j}", h, context, HEADS[i])
            skips.append(h)
        if i + 1 < levels:
            h = conv(w, f"down_blocks.{i}.downsamplers.0.conv", h, WIDTHS[i], stride=2)
            skips.append(h)
    h = resnet(w, "mid_block.resnets.0", h, e, WIDTHS[-1])
    h = transformer(w, "mid_block.attentions.0", h, context, HEADS[-1])
    h = resnet(w, "mid_block.resnets.1", h, e, WIDTHS[-1])
    for i, kind in enumerate(CONFIG["up_block_types"]):
        level = levels - 1 - i
        for j in range(LAYERS + 1):
            h = resnet(w, f"up_blocks.{i}.resnets.{j}", torch.cat([h, skips.pop()], 1), e, WIDTHS[level])
            if "Cross" in kind:
                h = transformer(w, f"up_blocks.{i}.attentions.{j}", h, context, HEADS[level])
        if i + 1 < levels:
            h = conv(w, f"up_blocks.{i}.upsamplers.0.conv", nearest(h, skips[-1].shape[2:]), WIDTHS[level])
    assert not skips
    return conv(w, "conv_out", silu(group_norm(w, "conv_norm_out", h, 1e-5)), 4)


def exact(rng, *shape):
    return torch.randn(shape, generator=rng, dtype=torch.float32).double()


def weights(rng):
    shapes = Shapes()
    unet(shapes, torch.zeros(1, 4, 7, 5, dtype=torch.float64), torch.zeros(1), torch.zeros(1, ROWS, CONTEXT, dtype=torch.float64))
    theta = OrderedDict()
    for name, shape in shapes.shapes.items():
        scale = 0.9 / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else 0.1
        value = exact(rng, *shape) * scale + (1 if "norm" in name and name.endswith("weight") else 0)
        theta[name] = value.float().double().requires_grad_()
    return theta


def batch(rng, times):
    n = len(times)
    return {
        "sample": exact(rng, n, 4, 7, 5),
        "timesteps": torch.tensor(times),
        "target": exact(rng, n, 4, 7, 5),
        "encoder_hidden_states": exact(rng, n, ROWS, CONTEXT),
    }


def output(theta, b, states="encoder_hidden_states"):
    return unet(Weights(theta), b["sample"], b["timesteps"], b[states])


def squared(x, y):
    return ((x - y) ** 2).mean()


def main(folder):
    rng = torch.Generator().manual_seed(20261128)
    theta = weights(rng)
    names, flat = list(theta), list(theta.values())
    direction = [exact(rng, *p.shape) for p in flat]
    retain, forget = batch(rng, [3, 977]), batch(rng, [500])
    retain["sample"].requires_grad_()
    for name in ("pseudo_", "null_"):
        forget[name + "encoder_hidden_states"] = exact(rng, 1, ROWS, CONTEXT)
    with torch.no_grad():
        own, other, none = (output(theta, forget, p + "encoder_hidden_states") for p in ("", "pseudo_", "null_"))
        forget["reassign_target"], forget["esd_target"] = other, none - ETA * (own - none)
    out = {}
    y = output(theta, retain)
    loss = squared(y, retain["target"])
    grad = torch.autograd.grad(loss, flat, create_graph=True)
    out["retain.output"], out["retain.loss"] = y, loss
    out["retain.grad_sample"] = torch.autograd.grad(loss, retain["sample"], retain_graph=True)[0]
    probe = torch.zeros_like(y, requires_grad=True)
    back = torch.autograd.grad((y * probe).sum(), flat, create_graph=True)
    out["retain.output_tangent"] = torch.autograd.grad(sum((b * d).sum() for b, d in zip(back, direction)), probe, retain_graph=True)[0]
    hvp = torch.autograd.grad(sum((g * d).sum() for g, d in zip(grad, direction)), flat, retain_graph=True)
    # So large that the second-order part cannot hide.
    alpha = float(torch.tensor(0.1 * math.sqrt(sum((d**2).sum() for d in direction) / sum((h**2).sum() for h in hvp))).float())
    vectors = {"param": flat, "dir": direction, "grad": grad, "hvp": hvp}
    ahead = OrderedDict((n, p - alpha * g) for n, p, g in zip(names, flat, grad))
    for kind in ("neg", "reassign", "esd"):
        target = forget["target" if kind == "neg" else f"{kind}_target"]
        forgotten = (-1 if kind == "neg" else 1) * squared(output(ahead, forget), target)
        vectors[f"lur_{kind}"] = torch.autograd.grad(RETAIN * loss + LAMBDA * forgotten, flat, retain_graph=True)
        out[f"lur_{kind}.forget_loss"] = forgotten
        first = torch.autograd.grad(forgotten, list(ahead.values()), retain_graph=True)
        product = torch.autograd.grad(sum((g * f.detach()).sum() for g, f in zip(grad, first)), flat, retain_graph=True)
        size = lambda vs: math.sqrt(sum(float((v**2).sum()) for v in vs))
        print(f"{kind}: alpha |H w| / |w| = {alpha * size(product) / size(first):.3f}")
    tensors = {f"{prefix}.{n}": (v, prefix in ("param", "dir")) for prefix, vs in vectors.items() for n, v in zip(names, vs)}
    for prefix, b in (("retain", retain), ("forget", forget)):
        for n, v in b.items():
            tensors[f"{prefix}.{n}"] = (v, n not in ("reassign_target", "esd_target"))
    tensors.update({n: (v, False) for n, v in out.items()})
    count = sum(p.numel() for p in flat)
    settings = {"kind": "text", "alpha": repr(alpha), "lambda": repr(LAMBDA), "retain_weight": repr(RETAIN), "esd_eta": repr(ETA)}
    settings |= {"parameters": str(count), "source": f"PyTorch {torch.__version__}", "config": json.dumps(CONFIG)}
    save(folder / "unet2d_condition_odd.safetensors", tensors, settings)


def save(path, tensors, metadata):
    header, blobs, offset = OrderedDict(__metadata__=metadata), [], 0
    order = sorted(tensors.items(), key=lambda t: t[1][1] and t[1][0].dtype != torch.int64)
    for name, (value, narrow) in order:
        kind = "I64" if value.dtype == torch.int64 else "F32" if narrow else "F64"
        v = value.detach().to({"I64": torch.int64, "F32": torch.float32, "F64": torch.float64}[kind]).contiguous()
        blob = bytes(v.reshape(-1).view(torch.uint8).tolist())
        header[name] = {"dtype": kind, "shape": list(v.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "diffusion")
