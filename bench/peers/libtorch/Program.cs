// Times libtorch on the steps of a diffusion UNet that Lur times, on the same machine: pytorch_unet.py, for the newer PyTorch that
// Debian has no package of. Options, steps and the line that it prints are those of that script, where they say what is measured.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

var options = new Dictionary<string, string>
{
    ["--widths"] = "32,64",
    ["--attention"] = "0,1",
    ["--layers"] = "1",
    ["--size"] = "16",
    ["--batch"] = "32",
    ["--repeats"] = "5",
    ["--threads"] = "2",
    ["--what"] = "adam",
};
for (var i = 0; i < args.Length; i += 2)
{
    if (!options.ContainsKey(args[i]) || i + 1 == args.Length)
    {
        Console.Error.WriteLine($"unet-steps has the options {string.Join(", ", options.Keys)}, each with a value, and not '{args[i]}'.");
        return 2;
    }

    options[args[i]] = args[i + 1];
}

int[] Numbers(string name) => [.. options[name].Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
int One(string name) => Numbers(name)[0];

var what = options["--what"];
if (what is not ("adam" or "lur" or "lur-none" or "sample"))
{
    Console.Error.WriteLine($"--what knows adam, lur, lur-none and sample, not '{what}'.");
    return 2;
}

set_num_threads(One("--threads"));
manual_seed(1);
var net = new UNet(Numbers("--widths"), Numbers("--attention"), One("--layers"));
var (size, rows) = (One("--size"), what == "sample" ? 2 * One("--batch") : One("--batch"));
var (retain, forget) = (Batch(), Batch());
using (no_grad())
    net.Run(net.Parameters, retain.Images, retain.Steps, retain.Classes);
var trained = net.Parameters.Select(p => new TorchSharp.Modules.Parameter(p, true)).ToArray();
var optimizer = optim.AdamW(trained, lr: 2e-4, weight_decay: 0);

var times = new List<double>();
for (var i = -1; i < One("--repeats"); i++)
{
    var clock = Stopwatch.StartNew();
    using (NewDisposeScope())
        Step();
    if (i >= 0)
        times.Add(clock.Elapsed.TotalMilliseconds);
}

var peak = File.ReadLines("/proc/self/status")
    .First(l => l.StartsWith("VmHWM", StringComparison.Ordinal))
    .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
Console.WriteLine(
    JsonSerializer.Serialize(
        new
        {
            torch = __version__,
            device = "cpu",
            parameters = trained.Sum(p => p.numel()),
            all_ms = times,
            peak_rss_bytes = long.Parse(peak, CultureInfo.InvariantCulture) * 1024,
        }
    )
);
return 0;

(Tensor Images, Tensor Steps, Tensor Classes, Tensor Noise) Batch() =>
    (randn(rows, 3, size, size), randint(0, 1000, rows), randint(0, UNet.Classes, rows), randn(rows, 3, size, size));

Tensor Loss(IReadOnlyList<Tensor> parameters, (Tensor Images, Tensor Steps, Tensor Classes, Tensor Noise) batch) =>
    nn.functional.mse_loss(net.Run(parameters, batch.Images, batch.Steps, batch.Classes), batch.Noise);

void Step()
{
    if (what == "sample")
    {
        using var off = no_grad();
        var halves = net.Run(trained, retain.Images, retain.Steps, retain.Classes).chunk(2);
        _ = (halves[0] + 2 * (halves[1] - halves[0])).clamp(-1, 1);
        return;
    }

    if (what == "adam")
    {
        optimizer.zero_grad();
        Loss(trained, retain).backward();
    }
    else
        Unlearn(exact: what == "lur", alpha: 1e-3, lambda: 0.5);
    nn.utils.clip_grad_norm_(trained, 1.0);
    optimizer.step();
}

// LUR by double backward, or to first order.
void Unlearn(bool exact, double alpha, double lambda)
{
    var loss = Loss(trained, retain);
    var g = autograd.grad([loss], trained, retain_graph: exact, create_graph: exact);
    Tensor[] ahead = [.. trained.Zip(g, (p, gi) => p - (alpha * gi))];
    IList<Tensor> total;
    if (exact)
        total = autograd.grad([loss + (lambda * Loss(ahead, forget))], trained);
    else
    {
        ahead = [.. ahead.Select(a => a.detach().requires_grad_())];
        var v = autograd.grad([Loss(ahead, forget)], ahead);
        total = [.. g.Zip(v, (gi, vi) => gi + (lambda * vi))];
    }

    for (var i = 0; i < trained.Length; i++)
        trained[i].grad = total[i];
}

/// <summary>diffusers' UNet2DModel with one attention head, as `unet:w32,64:down01:up10:r1` of Lur's, class-conditional with a row for no
/// class: a function of its parameters, which the first run makes in the order in which they are used.</summary>
internal sealed class UNet(int[] widths, int[] attention, int layers)
{
    public const int Classes = 7;
    private const int Groups = 8;
    private readonly List<Tensor> _made = [];
    private IReadOnlyList<Tensor> _parameters = [];
    private int _next;

    public IReadOnlyList<Tensor> Parameters => _made;

    public Tensor Run(IReadOnlyList<Tensor> parameters, Tensor x, Tensor t, Tensor c)
    {
        (_parameters, _next) = (parameters, 0);
        var (first, e) = (widths[0], 4 * widths[0]);
        var angles = t.to(float32).unsqueeze(1) * exp(arange(first / 2, dtype: float32) * (-Math.Log(10000) / (first / 2)));
        var time = nn.functional.silu(Linear(cat([angles.cos(), angles.sin()], 1), first, e));
        var embedding = nn.functional.silu(Linear(time, e, e) + Weight(1, Classes + 1, e).index_select(0, c));
        var h = Convolution(x, 3, first, 3);
        var skips = new Stack<(Tensor Value, int Width)>();
        skips.Push((h, first));
        var width = first;
        for (var i = 0; i < widths.Length; i++)
        {
            for (var r = 0; r < layers; r++)
            {
                h = Block(h, embedding, width, widths[i], attention[i] == 1);
                width = widths[i];
                skips.Push((h, width));
            }

            if (i == widths.Length - 1)
                continue;
            h = Convolution(h, width, width, 3, 2);
            skips.Push((h, width));
        }

        h = Residual(Attention(Residual(h, embedding, width, width), width), embedding, width, width);
        for (var i = widths.Length - 1; i >= 0; i--)
        {
            for (var r = 0; r <= layers; r++)
            {
                var (skip, more) = skips.Pop();
                h = Block(cat([h, skip], 1), embedding, width + more, widths[i], attention[i] == 1);
                width = widths[i];
            }

            if (i > 0)
                h = Convolution(nn.functional.interpolate(h, scale_factor: [2, 2], mode: InterpolationMode.Nearest), width, width, 3);
        }

        return Convolution(nn.functional.silu(Norm(h, first)), first, 3, 3);
    }

    private Tensor Block(Tensor x, Tensor embedding, int inputs, int outputs, bool attends)
    {
        var h = Residual(x, embedding, inputs, outputs);
        return attends ? Attention(h, outputs) : h;
    }

    private Tensor Residual(Tensor x, Tensor embedding, int inputs, int outputs)
    {
        var h = Convolution(nn.functional.silu(Norm(x, inputs)), inputs, outputs, 3);
        h += Linear(embedding, 4 * widths[0], outputs).unsqueeze(-1).unsqueeze(-1);
        h = Convolution(nn.functional.silu(Norm(h, outputs)), outputs, outputs, 3);
        return (inputs == outputs ? x : Convolution(x, inputs, outputs, 1)) + h;
    }

    private Tensor Attention(Tensor x, int width)
    {
        var tokens = Norm(x, width).flatten(2).transpose(1, 2);
        var (q, k, v) = (Linear(tokens, width, width), Linear(tokens, width, width), Linear(tokens, width, width));
        var p = nn.functional.softmax(q.matmul(k.transpose(1, 2)) / Math.Sqrt(width), -1);
        return x + Linear(p.matmul(v), width, width).transpose(1, 2).reshape(x.shape);
    }

    private Tensor Norm(Tensor x, int width) => nn.functional.group_norm(x, Groups, Ones(width), Weight(0, width), 1e-5);

    private Tensor Linear(Tensor x, int inputs, int outputs) =>
        nn.functional.linear(x, Weight(1 / Math.Sqrt(inputs), outputs, inputs), Weight(0, outputs));

    private Tensor Convolution(Tensor x, int inputs, int outputs, int kernel, int stride = 1) =>
        nn.functional.conv2d(
            x,
            Weight(1 / Math.Sqrt(inputs * kernel * kernel), outputs, inputs, kernel, kernel),
            Weight(0, outputs),
            [stride, stride],
            [kernel / 2, kernel / 2]
        );

    private Tensor Ones(int width) => Next(() => ones(width));

    private Tensor Weight(double deviation, params long[] shape) => Next(() => randn(shape) * deviation);

    private Tensor Next(Func<Tensor> make)
    {
        if (_parameters.Count == 0 || ReferenceEquals(_parameters, _made))
        {
            _made.Add(make());
            return _made[^1];
        }

        return _parameters[_next++];
    }
}
