#!/usr/bin/env python3
"""Writes methods.safetensors: what whole unlearning methods leave of a tiny network, in float64, from their formulas.

    /usr/bin/python3 write_methods.py [OUTPUT_FOLDER]        (Debian 12: apt-get install python3-torch; version 1.13)

Nothing of Lur runs here: gradients are torch's autograd, updates torch.optim.SGD, and the random numbers (Philox, Salmon
et al. 2011) are written down once more below. README.md beside it documents the file. The papers of the methods:
SNIP trimming as in ScissorHands (Wu, Harandi 2024), LUR (ICCV 2025), boundary shrink and expand (Chen et al. 2023), Fisher
forgetting (Golatkar et al. 2020) with its two forms of SalUn's public code, influence unlearning (Izzo et al. 2021) with
the recursion of SalUn's public code, SSD (Foster et al. 2024), SCRUB (Kurmanji et al. 2023).
"""

import math
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.autograd import grad

import write_fixtures
from write_fixtures import ResNet, as_leaves, write

write_fixtures.DTYPES[torch.uint8] = "U8"
SEED, CLASSES, WIDTH, STAGES, SIZE, COUNT, FORGOTTEN = 7, 10, 3, (1, 1), (7, 6), 24, 2
BATCH, FORGET_BATCH = 5, 3
M32, M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


# --- random numbers ---------------------------------------------------------------------------------------------------

def philox(seed, stream, index):
    """Philox4x32-10: key = seed, counter = (index, stream), low words first."""
    c = [index & M32, index >> 32, stream & M32, stream >> 32]
    k = [seed & M32, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & M32, (a >> 32) ^ c[3] ^ k[1], a & M32]
        k = [(k[0] + 0x9E3779B9) & M32, (k[1] + 0xBB67AE85) & M32]
    return c


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def stream_of(name, number=None):
    h = 14695981039346656037
    for b in name.encode():
        h = ((h ^ b) * 1099511628211) & M64
    return mix(h) if number is None else mix((mix(h) + number) & M64)


def word(seed, stream, position):
    return philox(seed, stream, position // 4)[position % 4]


def uniform(bits):
    return (bits >> 8) / 2 ** 24


def uniform_float32(seed, name, position, bound):
    """Uniform in +-bound, in the single precision that initial weights are drawn in."""
    b = np.float32(bound)
    return float(np.float32(float(b + b) * uniform(word(seed, stream_of(name), position)) - float(b)))


def normals(seed, name, count):
    """Box and Muller 1958: words (0, 1) make elements 0 and 1, words (2, 3) elements 2 and 3."""
    z, stream = np.zeros(count), stream_of(name)
    for i in range(count):
        pair = i - i % 2
        radius = math.sqrt(-2 * math.log((word(seed, stream, pair) + 0.5) / 2 ** 32))
        angle = 2 * math.pi * uniform(word(seed, stream, pair + 1))
        z[i] = radius * (math.cos(angle) if i % 2 == 0 else math.sin(angle))
    return z


def below(next_word, n):
    """Lemire 2019."""
    while True:
        product = next_word() * n
        if product & M32 >= (2 ** 32 - n) % n:
            return product >> 32


class Batches:
    """Pass after pass, each a Fisher-Yates permutation; the last batch of a pass is topped up from the pass's head."""

    def __init__(self, indices, size, name=None):
        self.indices, self.size, self.next = indices, size, 0
        self.seed = SEED if name is None else stream_of(name, SEED)
        self.per_epoch = -(-len(indices) // size)

    @property
    def first(self):
        """Number of the first sample of the batch that was taken last, counted over the run."""
        return (self.next - 1) * self.size

    def take(self):
        epoch, batch = divmod(self.next, self.per_epoch)
        self.next += 1
        position, stream, order = [epoch << 34], stream_of("data/shuffle"), list(self.indices)

        def next_word():
            position[0] += 1
            return word(self.seed, stream, position[0] - 1)

        for i in range(len(order) - 1, 0, -1):
            j = below(next_word, i + 1)
            order[i], order[j] = order[j], order[i]
        return [order[(batch * self.size + i) % len(order)] for i in range(self.size)]


# --- network, data, and what the methods share ------------------------------------------------------------------------

torch.manual_seed(20)
BYTES = torch.randint(256, (COUNT, 3) + SIZE).to(torch.uint8)
LABELS = torch.tensor([i * 7 % CLASSES for i in range(COUNT)])
for i in range(COUNT):  # a pattern of the class shines through the noise
    generator = torch.Generator().manual_seed(int(LABELS[i]))
    pattern = torch.randint(256, (3,) + SIZE, generator=generator)
    BYTES[i] = (0.5 * BYTES[i] + 0.5 * pattern).to(torch.uint8)
# All of class 2, and three more.
FORGET = sorted([i for i in range(COUNT) if LABELS[i] == FORGOTTEN] + [3, 10, 17])
RETAIN = [i for i in range(COUNT) if i not in FORGET]


class Model:
    """Weights and running statistics; mode is frozen, train (batch statistics) or update (and they move the running ones)."""

    def __init__(self, parameters, buffers, net):
        self.p, self.buffers, self.net = as_leaves(parameters), OrderedDict((k, t.clone()) for k, t in buffers.items()), net

    def logits(self, images, mode, p=None):
        self.net.frozen = mode == "frozen"
        return self.net.logits(p or self.p, self.buffers, images, mode == "update")

    def gradient(self, loss):
        return OrderedDict(zip(self.p, (g.detach() for g in grad(loss, list(self.p.values())))))

    def copy(self):
        return Model(self.p, self.buffers, self.net)


class Sgd:
    def __init__(self, model, rate, momentum=0.9, decay=5e-4, nesterov=False):
        self.model = model
        self.optimizer = torch.optim.SGD(model.p.values(), lr=rate, momentum=momentum, weight_decay=decay, nesterov=nesterov)

    def step(self, loss):
        self.apply(self.model.gradient(loss))

    def apply(self, gradient):
        for name, t in self.model.p.items():
            t.grad = gradient[name]
        self.optimizer.step()


def images_of(indices):
    return BYTES[indices].double() / 255


def augmented(indices, name, first):
    """Random crop of the image in a frame of black, an eighth of its side wide, and random flip. A sample's draws are the
    three words of block `first` + its place in the batch."""
    pad, out = (min(SIZE) + 4) // 8, []
    for i, sample in enumerate(indices):
        b = philox(SEED, stream_of("augment/" + name), first + i)
        top, left = b[0] * (2 * pad + 1) >> 32, b[1] * (2 * pad + 1) >> 32
        image = F.pad(BYTES[sample].double(), (pad, pad, pad, pad))[:, top:top + SIZE[0], left:left + SIZE[1]]
        out.append((image.flip(2) if b[2] >> 31 else image) / 255)
    return torch.stack(out)


def drawn_label(bits, label, other):
    """Uniform over all classes, or over those but the sample's own."""
    if not other:
        return bits * CLASSES >> 32
    draw = bits * (CLASSES - 1) >> 32
    return draw + (draw >= label)


def sample_gradient(model, indices, label=None):
    """Gradient of the mean cross-entropy at the running statistics."""
    labels = LABELS[indices] if label is None else torch.full((len(indices),), label)
    return model.gradient(F.cross_entropy(model.logits(images_of(indices), "frozen"), labels))


def flat(tensors, like):
    """One vector in the order that elements are numbered in: filters as K, R, S, C, all else as it is."""
    return torch.cat([(tensors[k].permute(0, 2, 3, 1) if tensors[k].dim() == 4 else tensors[k]).reshape(-1) for k in like])


def chunks(indices, size):
    return [indices[i:i + size] for i in range(0, len(indices), size)]


# --- methods ----------------------------------------------------------------------------------------------------------

def trim(model, sparsity, scope, batches, compat):
    """Saliency |g theta|, g the sum of |gradient| over forget batches; above the k-th smallest, weights are drawn anew."""
    feed = Batches(FORGET, FORGET_BATCH, "order/trim")
    total = {k: torch.zeros_like(t) for k, t in model.p.items()}
    for _ in range(batches):
        indices = feed.take()
        loss = F.cross_entropy(model.logits(images_of(indices), "update" if compat else "train"), LABELS[indices])
        for k, g in model.gradient(loss).items():
            total[k] += g.abs()
    saliency = OrderedDict((k, (total[k] * model.p[k].detach()).abs()) for k in model.p)

    def is_norm(name):
        return "bn" in name or (not compat and "downsample.1" in name)

    eligible = [k for k in model.p if any(part in k for part in ("layer1", "layer2", "fc")) and not is_norm(k)]
    ranked = flat(saliency, model.p if scope == "global" else eligible).sort().values
    k = min(max(int(sparsity * len(ranked)), 1), len(ranked) - 1)
    tau, low, high = ranked[k - 1], ranked[0], ranked[-1]
    assert low + 1e-12 < tau < high - 1e-12, "not the degenerate case"
    margin = (ranked[k] - tau).item() / tau.item()
    reset = 0
    for name in eligible:
        old, s = flat(model.p, [name]).detach().clone(), flat(saliency, [name])
        t = model.p[name]
        is_shift = name.endswith("bias")
        fan_in = t[0].numel() if t.dim() > 1 else 1
        bound = 0 if is_shift else 1 / math.sqrt(fan_in)
        for e in (s > tau).nonzero().flatten().tolist():
            old[e] = bound * (2 * uniform(word(SEED, stream_of("trim/" + name), e)) - 1)
            reset += 1
        if t.dim() == 4:
            old = old.view(t.shape[0], t.shape[2], t.shape[3], t.shape[1]).permute(0, 3, 1, 2)
        t.data.copy_(old.reshape(t.shape))
    print(f"   trim: {reset} of {len(ranked)} reset, next saliency {margin:.1e} above the threshold")
    return torch.tensor([float(reset), tau.item()])


def lur(model, epochs, sparsity, scope, compat=False, batches=2, rate=0.02, alpha=0.05, weight=0.3):
    """Trim, then steps on L_r(theta) - weight CE_f(theta - alpha grad L_r), differentiated as it stands."""
    facts = trim(model, sparsity, scope, batches, compat)
    retain, forget = Batches(RETAIN, BATCH, "order/retain"), Batches(FORGET, FORGET_BATCH, "order/forget")
    sgd = Sgd(model, rate, decay=0)
    # compat ends an epoch with the shorter set, and forget batches move running statistics.
    length = min(retain.per_epoch, forget.per_epoch) if compat else retain.per_epoch
    for _ in range(epochs * length):
        r, f = retain.take(), forget.take()
        retain_loss = F.cross_entropy(model.logits(images_of(r), "update"), LABELS[r])
        g = grad(retain_loss, list(model.p.values()), create_graph=True)
        ahead = OrderedDict((k, t - alpha * d) for (k, t), d in zip(model.p.items(), g))
        forget_loss = -F.cross_entropy(model.logits(images_of(f), "update" if compat else "train", ahead), LABELS[f])
        sgd.step(retain_loss + weight * forget_loss)
    return facts


def scrub(model, epochs, max_epochs, alpha, gamma, temperature, rate=0.02, compat=False):
    """min alpha KL + gamma CE on the retain set every epoch, after max KL on the forget set in the first max_epochs."""
    teacher, sgd = model.copy(), Sgd(model, rate)
    retain, forget = Batches(RETAIN, BATCH, "order/retain"), Batches(FORGET, FORGET_BATCH, "order/forget")

    def divergence(indices, logits):
        with torch.no_grad():
            q = F.softmax(teacher.logits(images_of(indices), "frozen") / temperature, 1)
        kl = (q * (q.log() - F.log_softmax(logits / temperature, 1))).sum(1).mean()
        return temperature ** 2 * kl

    for epoch in range(epochs):
        if epoch < max_epochs:
            for _ in range(forget.per_epoch):
                i = forget.take()
                sgd.step(-divergence(i, model.logits(images_of(i), "update" if compat else "train")))
        for _ in range(retain.per_epoch):
            i = retain.take()
            logits = model.logits(images_of(i), "update")
            sgd.step(alpha * divergence(i, logits) + gamma * F.cross_entropy(logits, LABELS[i]))


def boundary_shrink(model, epochs, epsilon, rate, compat=False):
    original, sgd, feed = model.copy(), Sgd(model, rate), Batches(FORGET, FORGET_BATCH, "order/forget")
    own = changed = 0
    for _ in range(epochs * feed.per_epoch):
        indices = feed.take()
        x = images_of(indices).requires_grad_()
        dx, = grad(F.cross_entropy(original.logits(x, "frozen"), LABELS[indices], reduction="sum"), x)
        assert dx.abs().min() > 1e-12, "no gradient that a rounding could turn"
        # Whole steps of 1/255; a tie of the rounding goes up. 255 epsilon and its sums are exact in binary.
        moved = torch.floor((BYTES[indices].double() + 255 * epsilon * dx.sign()).clamp(0, 255) + 0.5) / 255
        with torch.no_grad():
            z, before = original.logits(moved, "frozen"), original.logits(x, "frozen")
        own += (z.argmax(1) == LABELS[indices]).sum().item()
        changed += (z.argmax(1) != before.argmax(1)).sum().item()
        if not compat:  # the nearest class is never the sample's own
            z[torch.arange(len(indices)), LABELS[indices]] = -math.inf
        sgd.step(F.cross_entropy(model.logits(images_of(indices), "update" if compat else "train"), z.argmax(1)))
    assert own > 0 and changed > 0, "both ways of choosing the target matter"
    print(f"   boundary shrink: {own} targets were the sample's own class, the attack changed {changed}")


def boundary_expand(model, epochs, rate, compat=False):
    """One more output, drawn as a new layer is; the forget data is trained to it; then it is taken away."""
    width = model.p["fc.weight"].shape[1]
    bound = 1 / math.sqrt(width)
    row = [uniform_float32(SEED, "initialize/fc.weight", CLASSES * width + i, bound) for i in range(width)]
    bias = [uniform_float32(SEED, "initialize/fc.bias", CLASSES, bound)]
    wide = model.copy()
    wide.p["fc.weight"] = torch.cat([model.p["fc.weight"].detach(), torch.tensor([row])]).requires_grad_()
    wide.p["fc.bias"] = torch.cat([model.p["fc.bias"].detach(), torch.tensor(bias)]).requires_grad_()
    sgd, feed = Sgd(wide, rate), Batches(FORGET, FORGET_BATCH, "order/forget")
    for _ in range(epochs * feed.per_epoch):
        indices = feed.take()
        logits = wide.logits(images_of(indices), "update" if compat else "train")
        sgd.step(F.cross_entropy(logits, torch.full((len(indices),), CLASSES)))
    for k, t in wide.p.items():
        model.p[k].data.copy_(t.detach()[:CLASSES] if k.startswith("fc") else t.detach())
    model.buffers.update(wide.buffers)


def random_labels(model, epochs, other, rate=0.02):
    """Every epoch: forget batches with labels drawn for each batch, then retain batches. Augmented."""
    sgd = Sgd(model, rate)
    retain, forget = Batches(RETAIN, BATCH, "order/retain"), Batches(FORGET, BATCH, "order/forget")
    for _ in range(epochs):
        for _ in range(forget.per_epoch):
            i = forget.take()
            words = [word(SEED, stream_of("forget-labels"), forget.first + n) for n in range(len(i))]
            labels = torch.tensor([drawn_label(w, int(LABELS[s]), other) for w, s in zip(words, i)])
            sgd.step(F.cross_entropy(model.logits(augmented(i, "forget", forget.first), "train"), labels))
        for _ in range(retain.per_epoch):
            i = retain.take()
            sgd.step(F.cross_entropy(model.logits(augmented(i, "retain", retain.first), "update"), LABELS[i]))


def random_labels_mixed(model, epochs, rate=0.02):
    """The forget set relabelled once an epoch, shuffled into the retain set."""
    sgd, feed = Sgd(model, rate), Batches(FORGET + RETAIN, BATCH, "order/mixed")
    for epoch in range(epochs):
        stream = stream_of("forget-labels/epoch", epoch)
        labels = LABELS.clone()
        for s in FORGET:
            labels[s] = drawn_label(word(SEED, stream, s), int(LABELS[s]), True)
        for _ in range(feed.per_epoch):
            i = feed.take()
            sgd.step(F.cross_entropy(model.logits(images_of(i), "update"), labels[i]))


def train(model, epochs, rate):
    """Training on all samples with Nesterov momentum, a cosine from the rate to 0, and augmentation."""
    sgd, feed = Sgd(model, rate, nesterov=True), Batches(list(range(COUNT)), BATCH)
    steps = epochs * feed.per_epoch
    for step in range(steps):
        i = feed.take()
        for group in sgd.optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        sgd.step(F.cross_entropy(model.logits(augmented(i, "train", feed.first), "update"), LABELS[i]))


def fisher_plain(model, alpha, compat=False):
    """theta += min(sqrt(alpha / F), 1e-3) N(0, 1), tenfold in the classifier; F the mean of squared gradients of log p(y|x).

    compat: 1e-8 is added to each gradient, and tenfold is a tensor whose last dimension is 10."""
    information = {k: torch.zeros_like(t) for k, t in model.p.items()}
    for i in RETAIN:
        for k, g in sample_gradient(model, [i]).items():
            information[k] += (-g + (1e-8 if compat else 0)) ** 2 / len(RETAIN)
    deviations = OrderedDict()
    for k, f in information.items():
        tenfold = f.shape[-1] == 10 if compat else k.startswith("fc")
        deviations[k] = (alpha / f).sqrt().clamp(max=1e-3) * (10 if tenfold else 1)
    capped = (flat(information, model.p) * 1e-6 < alpha).double().mean()
    print(f"   Fisher forgetting: {100 * capped:.0f} % of the deviations are at the cap")
    add_noise(model, deviations)


def fisher_averaged(model, alpha, batch=1, compat=False):
    """var = alpha min(1 / (F + 1e-8), 1e3), averaged over the inputs; the classifier of class 2 starts from 0.

    F is the mean over batches of sum_y mean_b p(y) (gradient of the mean cross-entropy to y)^2."""
    information = {k: torch.zeros_like(t) for k, t in model.p.items()}
    batches = chunks(RETAIN, batch)
    for indices in batches:
        with torch.no_grad():
            p = F.softmax(model.logits(images_of(indices), "frozen"), 1).mean(0)
        for y in range(CLASSES):
            for k, g in sample_gradient(model, indices, y).items():
                information[k] += p[y] * g ** 2 / len(batches)
    deviations = OrderedDict()
    for k, f in information.items():
        classifier = k.startswith("fc")
        variance = (1 / (f + 1e-8)).clamp(max=1e2 if classifier else 1e3) * alpha
        if f.dim() > 1:
            variance = variance.mean(1, keepdim=True).expand_as(f).clone()
        if classifier:
            model.p[k].data[FORGOTTEN] = 0
            variance[FORGOTTEN] = 1e-4
        if classifier or f.dim() == 1:
            variance = variance * 10
        deviations[k] = variance.sqrt()
    add_noise(model, deviations)


def add_noise(model, deviations):
    z = torch.tensor(normals(SEED, "fisher/noise", sum(t.numel() for t in model.p.values())))
    offset = 0
    for k, t in model.p.items():
        n, d = t.numel(), deviations[k]
        noise = z[offset:offset + n]
        if t.dim() == 4:
            noise = noise.view(t.shape[0], t.shape[2], t.shape[3], t.shape[1]).permute(0, 3, 1, 2)
        t.data.add_(d * noise.reshape(t.shape))
        offset += n


def influence(model, alpha, samples, damping=None):
    """theta += alpha k; v = gf / (Nf + Nr) - gr Nf / ((Nf + Nr) Nr). k is v after the published recursion, or F^-1 v."""
    def sum_of(indices):
        return sum(flat(sample_gradient(model, [i]), model.p) for i in indices)

    nf, nr = len(FORGET), len(RETAIN)
    k = sum_of(FORGET) / (nf + nr) - sum_of(RETAIN) * nf / ((nf + nr) * nr)
    if damping is None:
        o = None
        for visited, i in enumerate(RETAIN):
            g = flat(sample_gradient(model, [i]), model.p)
            if o is None:
                o = g
            else:
                t = o @ g
                k, o = k - (k @ g) / (samples + t) * o, o - t / (samples + t) * o
            if visited == samples + 1:
                break
    else:
        gradients = torch.stack([flat(sample_gradient(model, [i]), model.p) for i in RETAIN])
        fisher = damping * torch.eye(len(k)) + gradients.t() @ gradients / len(gradients)
        k = torch.linalg.solve(fisher, k)
    offset = 0
    for t in model.p.values():
        n = t.numel()
        part = k[offset:offset + n]
        if t.dim() == 4:
            part = part.view(t.shape[0], t.shape[2], t.shape[3], t.shape[1]).permute(0, 3, 1, 2)
        t.data.add_(alpha * part.reshape(t.shape))
        offset += n


def dampening(model, alpha, weight, batch=1):
    """Where I_Df > alpha I_D: theta *= min(weight I_D / I_Df, 1)."""
    def importance(indices):
        batches, total = chunks(indices, batch), {k: torch.zeros_like(t) for k, t in model.p.items()}
        for b in batches:
            for k, g in sample_gradient(model, b).items():
                total[k] += g ** 2 / len(batches)
        return total

    everything, forget, dampened, closest = importance(FORGET + RETAIN), importance(FORGET), 0, math.inf
    for k, t in model.p.items():
        hit = forget[k] > alpha * everything[k]
        alive = everything[k] > 0
        if alive.any():
            closest = min(closest, (forget[k] / everything[k] / alpha - 1)[alive].abs().min().item())
        t.data.copy_(torch.where(hit, (weight * everything[k] / forget[k]).clamp(max=1) * t, t))
        dampened += hit.sum().item()
    print(f"   SSD: {dampened} dampened; the closest ratio is {closest:.1e} of alpha from it")
    return torch.tensor([float(dampened)])


def initial(like):
    """Weights as torch gives them to layers that nobody initialises: uniform in +-1/sqrt(fan in), scales 1, shifts 0."""
    fresh, fan_in = OrderedDict(), 0
    for name, t in like.items():
        if t.dim() == 1 and not name.startswith("fc"):
            fresh[name] = torch.ones_like(t) if name.endswith("weight") else torch.zeros_like(t)
            continue
        fan_in = t[0].numel() if t.dim() > 1 else fan_in  # a bias has that of its matrix, which stands before it
        bound = 1 / math.sqrt(fan_in)
        drawn = torch.tensor([uniform_float32(SEED, "initialize/" + name, e, bound) for e in range(t.numel())])
        if t.dim() == 4:
            drawn = drawn.view(t.shape[0], t.shape[2], t.shape[3], t.shape[1]).permute(0, 3, 1, 2)
        fresh[name] = drawn.reshape(t.shape).contiguous()
    return fresh


def retrain(model, epochs, rate):
    """Training from fresh weights and statistics on the retain set, Nesterov momentum, constant rate."""
    for name, t in initial(model.p).items():
        model.p[name].data.copy_(t)
    for name, t in model.buffers.items():
        t.fill_(0 if name.endswith("mean") else 1)
    sgd, feed = Sgd(model, rate, nesterov=True), Batches(RETAIN, BATCH)
    for _ in range(epochs * feed.per_epoch):
        i = feed.take()
        sgd.step(F.cross_entropy(model.logits(images_of(i), "update"), LABELS[i]))


def fine_tune(model, epochs, rate=0.02, l1=0.0, plain_epochs=0):
    """Retain data only; with l1 a (1 - epoch / (E - plain epochs)) sign(theta) is added to the gradient, sign(0) = 0."""
    sgd, feed = Sgd(model, rate), Batches(RETAIN, BATCH, "order/retain")
    for epoch in range(epochs):
        weight = l1 * max(0, 1 - epoch / max(1, epochs - plain_epochs))
        for _ in range(feed.per_epoch):
            i = feed.take()
            g = model.gradient(F.cross_entropy(model.logits(images_of(i), "update"), LABELS[i]))
            sgd.apply(OrderedDict((k, d + weight * model.p[k].detach().sign()) for k, d in g.items()))


def ascent(model, epochs, rate=0.02):
    """-CE on the forget set only."""
    sgd, feed = Sgd(model, rate), Batches(FORGET, FORGET_BATCH, "order/forget")
    for _ in range(epochs * feed.per_epoch):
        i = feed.take()
        sgd.step(-F.cross_entropy(model.logits(images_of(i), "train"), LABELS[i]))


def joint(model, epochs, weight, batch, rate=0.02, change=None, plain_tail=False, start=None):
    """CE_r - weight CE_f in every step of a pass over the retain set; the forget set starts over, or leaves plain steps."""
    sgd = Sgd(model, rate)
    retain, forget = Batches(RETAIN, batch, "order/retain"), Batches(FORGET, batch, "order/forget")
    for _ in range(epochs):
        if start:
            start()
        for step in range(retain.per_epoch):
            r = retain.take()
            loss = F.cross_entropy(model.logits(images_of(r), "update"), LABELS[r])
            if plain_tail and step >= forget.per_epoch:
                sgd.step(loss)
                continue
            f = forget.take()
            g = model.gradient(loss - weight * F.cross_entropy(model.logits(images_of(f), "train"), LABELS[f]))
            sgd.apply(change(g, step) if change else g)


def scissorhands(model, epochs, sparsity, weight, memory, every=1, margin=0.5):
    """Trim; then the joint step, its late layers projected where a product with a memory (gradient of -CE_f) is negative."""
    facts = trim(model, sparsity, "global", 1, False)
    late = [k for k in model.p if any(part in k for part in ("layer1", "layer2", "fc"))]
    feed, memories, fired = Batches(FORGET, FORGET_BATCH, "order/memory"), [], [0, 0, 0]

    def remember():
        memories.clear()
        for _ in range(memory):
            memories.append(-flat(sample_gradient(model, feed.take()), late))

    def project(gradient, step):
        if step % every:
            return gradient
        m, g = torch.stack(memories), flat(gradient, late)
        fired[0] += 1
        if (m @ g >= 0).all():
            return gradient
        # min 1/2 v'Pv + (Mg)'v, v >= margin: every set of bounds that may hold is tried, the best feasible point kept.
        p, q, best = m @ m.t() + 1e-3 * torch.eye(memory), m @ g, None
        for bounds in range(2 ** memory):
            free = [i for i in range(memory) if not bounds >> i & 1]
            v = torch.full((memory,), float(margin))
            if free:
                fixed = [i for i in range(memory) if i not in free]
                v[free] = torch.linalg.solve(p[free][:, free], -(q[free] + p[free][:, fixed] @ v[fixed]))
            value = 0.5 * v @ p @ v + q @ v
            if (v >= margin).all() and (best is None or value < best[0]):
                best = (value, v)
        fired[1] += 1
        fired[2] += (best[1] > margin).any().item()
        projected = unflatten(g + m.t() @ best[1], OrderedDict((k, gradient[k]) for k in late))
        return OrderedDict((k, projected.get(k, d)) for k, d in gradient.items())

    joint(model, epochs, weight, FORGET_BATCH, change=project, plain_tail=True, start=remember)
    print(f"   ScissorHands: {fired[1]} of {fired[0]} steps projected, {fired[2]} beyond the margin")
    assert 0 < fired[1] < fired[0] and 0 < fired[2]
    return facts


def unflatten(vector, like):
    """The opposite of flat."""
    out, offset = OrderedDict(), 0
    for k, t in like.items():
        part = vector[offset:offset + t.numel()]
        offset += t.numel()
        if t.dim() == 4:
            part = part.view(t.shape[0], t.shape[2], t.shape[3], t.shape[1]).permute(0, 3, 1, 2)
        out[k] = part.reshape(t.shape)
    return out


def relabelled(model, epochs, compat=False):
    """Steps of random labelling with batches of FORGET_BATCH, no augmentation; each yields a loss."""
    retain, forget = Batches(RETAIN, FORGET_BATCH, "order/retain"), Batches(FORGET, FORGET_BATCH, "order/forget")
    for _ in range(epochs):
        for _ in range(forget.per_epoch):
            i = forget.take()
            words = [word(SEED, stream_of("forget-labels"), forget.first + n) for n in range(len(i))]
            labels = torch.tensor([drawn_label(w, int(LABELS[s]), not compat) for w, s in zip(words, i)])
            yield F.cross_entropy(model.logits(images_of(i), "update" if compat else "train"), labels)
        for _ in range(retain.per_epoch):
            i = retain.take()
            yield F.cross_entropy(model.logits(images_of(i), "update"), LABELS[i])


def salun(model, epochs, ratio, rate=0.02, compat=False):
    """Random labelling on the weights with the largest |sum of the batch gradients of -CE_f|; the others stay, momentum too.

    compat: only the gradient is masked."""
    feed = Batches(FORGET, FORGET_BATCH, "order/saliency")
    total = sum(flat(sample_gradient(model, feed.take()), model.p) for _ in range(feed.per_epoch)).abs()
    order = total.argsort(descending=True)
    kept = int(ratio * len(total))
    assert total[order[kept - 1]] > 1.0001 * total[order[kept]]
    chosen = torch.zeros(len(total))
    chosen[order[:kept]] = 1
    mask, start, sgd = unflatten(chosen, model.p), model.copy(), Sgd(model, rate)
    for loss in relabelled(model, epochs, compat):
        sgd.apply(OrderedDict((k, g * mask[k]) for k, g in model.gradient(loss).items()))
        for k, t in model.p.items():
            if not compat:
                t.data.copy_(torch.where(mask[k] > 0, t, start.p[k]))
                sgd.optimizer.state[t]["momentum_buffer"].mul_(mask[k])


def salun_soft(model, epochs, ratio, rate=0.05, mixed=False):
    """Random labelling; after each step the weights are soft-thresholded towards those at the epoch's start.

    tau is the n-th smallest distance, n = int(ratio remaining N); the step itself counts as done, or, with mixed sets, the
    first step of its epoch."""
    sgd = Sgd(model, rate)
    if mixed:
        feed = Batches(FORGET + RETAIN, FORGET_BATCH, "order/mixed")
        length = feed.per_epoch
    else:
        length = -(-len(FORGET) // FORGET_BATCH) + -(-len(RETAIN) // FORGET_BATCH)
        losses = relabelled(model, epochs)
    steps = epochs * length
    for step in range(steps):
        if step % length == 0:
            anchor, labels = flat(model.p, model.p).detach().clone(), LABELS.clone()
            for s in FORGET:
                labels[s] = drawn_label(word(SEED, stream_of("forget-labels/epoch", step // length), s), int(LABELS[s]), True)
        if mixed:
            i = feed.take()
            sgd.step(F.cross_entropy(model.logits(images_of(i), "update"), labels[i]))
        else:
            sgd.step(next(losses))
        done = (step // length * length if mixed else step) + 1
        distance = flat(model.p, model.p).detach() - anchor
        n = int(ratio * (steps - done) / steps * len(anchor))
        if n > 0:
            tau = distance.abs().sort().values[n - 1]
            pulled = anchor + distance.sign() * (distance.abs() - tau).clamp(min=0)
            for k, t in unflatten(pulled, model.p).items():
                model.p[k].data.copy_(t)


# Case by case what README.md lists; the tests give Lur's methods the same numbers.
CASES = OrderedDict([
    ("trim_global", lambda m: lur(m, 0, 0.7, "global")),
    ("trim_eligible", lambda m: lur(m, 0, 0.8, "eligible")),
    ("trim_compat", lambda m: lur(m, 0, 0.5, "global", compat=True)),
    ("lur", lambda m: lur(m, 2, 0.9, "global")),
    ("lur_compat", lambda m: lur(m, 2, 0.9, "eligible", compat=True, batches=1)),
    ("scrub", lambda m: scrub(m, 3, 2, 0.4, 0.7, 3)),
    ("scrub_compat", lambda m: scrub(m, 2, 1, 0.05, 0.9, 4, compat=True)),
    ("boundary_shrink", lambda m: boundary_shrink(m, 2, 0.1, 0.02)),
    ("boundary_shrink_compat", lambda m: boundary_shrink(m, 2, 0.03, 0.02, compat=True)),
    ("boundary_expand", lambda m: boundary_expand(m, 2, 0.02)),
    ("boundary_expand_compat", lambda m: boundary_expand(m, 2, 0.02, compat=True)),
    ("rl", lambda m: random_labels(m, 2, True)),
    ("rl_any", lambda m: random_labels(m, 2, False)),
    ("rl_concat", lambda m: random_labels_mixed(m, 2)),
    ("train", lambda m: train(m, 2, 0.03)),
    ("retrain", lambda m: retrain(m, 2, 0.02)),
    ("ft", lambda m: fine_tune(m, 2)),
    ("l1_sparse", lambda m: fine_tune(m, 3, l1=0.01, plain_epochs=1)),
    ("ga", lambda m: ascent(m, 3)),
    ("neggrad", lambda m: joint(m, 2, 0.3, BATCH)),
    ("scissorhands", lambda m: scissorhands(m, 5, 0.9, 0.05, 1, margin=0.02)),
    ("scissorhands_two", lambda m: scissorhands(m, 8, 0.9, 0.05, 2, every=2, margin=0.02)),
    ("salun", lambda m: salun(m, 2, 0.5)),
    ("salun_compat", lambda m: salun(m, 2, 0.3, compat=True)),
    ("salun_soft", lambda m: salun_soft(m, 2, 0.5, mixed=True)),
    ("salun_soft_batch", lambda m: salun_soft(m, 2, 0.4)),
    ("fisher", lambda m: fisher_plain(m, 1e-10)),
    ("fisher_compat", lambda m: fisher_plain(m, 1e-10, compat=True)),
    ("fisher_new", lambda m: fisher_averaged(m, 1e-6)),
    ("fisher_new_batch", lambda m: fisher_averaged(m, 1e-6, batch=4)),
    ("influence", lambda m: influence(m, 3, 1000)),
    ("influence_short", lambda m: influence(m, 3, 5)),
    ("influence_inverse", lambda m: influence(m, 3, 1000, damping=0.1)),
    ("ssd", lambda m: dampening(m, 1.2, 0.8)),
    ("ssd_batch", lambda m: dampening(m, 1.1, 1, batch=4)),
])


def trained():
    """A network that has learnt a part of its data: some samples have their own class, some do not."""
    torch.manual_seed(24)
    net = ResNet(STAGES, WIDTH, CLASSES, "3x3", False)
    model = Model(*net.initialise(), net)
    sgd = Sgd(model, 0.05)
    for _ in range(60):
        sgd.step(F.cross_entropy(model.logits(images_of(range(COUNT)), "update"), LABELS))
    right = (model.logits(images_of(range(COUNT)), "frozen").argmax(1) == LABELS).sum().item()
    print(f"trained: {right} of {COUNT} right")
    return net, OrderedDict((k, t.detach()) for k, t in model.p.items()), model.buffers


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    net, parameters, buffers = trained()
    out = OrderedDict(images=BYTES, labels=LABELS, forget=torch.tensor(FORGET))
    out["normalize/mean"], out["normalize/std"] = net.mean.flatten(), net.std.flatten()
    out.update(("parameters/" + k, t) for k, t in parameters.items())
    out.update(("buffers/" + k, t) for k, t in buffers.items())
    start = flat(parameters, parameters)
    for name, run in CASES.items():
        model = Model(parameters, buffers, net)
        net.closest_kink = math.inf
        facts = run(model)
        if facts is not None:
            out[f"{name}/facts"] = facts
        out.update((f"{name}/parameters/{k}", t.detach().clone()) for k, t in model.p.items())
        out.update((f"{name}/statistics/{k}", t.clone()) for k, t in model.buffers.items())
        moved = (flat(model.p, model.p).detach() - start).abs()
        print(f"{name}: moved {moved.norm():.3g} of {start.norm():.3g}, {(moved > 0).sum()} of {len(start)} weights, "
              f"closest ReLU input to 0 {net.closest_kink:.1e}")
    write(folder / "methods.safetensors", out,
          {"source": f"write_methods.py, PyTorch {torch.__version__}", "seed": SEED, "architecture": "resnet[1,1]:w3:stem3",
           "batch": BATCH, "forget_batch": FORGET_BATCH})


if __name__ == "__main__":
    main()
