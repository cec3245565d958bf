using System.Text.Json;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;
using Lur.Tests.Networks;

namespace Lur.Tests.Golden;

/// <summary>The four passes of a UNet's layers against torch's double backward, in float64 (ops.safetensors; README.md beside this
/// file). Attention has a test of its own.</summary>
public class LayerFixtureTests
{
    // Sums of at most some hundred terms of order 1 in another order: some hundred u.
    private const double Tolerance = 1e-12;

    private static readonly Dictionary<string, (Func<Layer> Layer, string[] Inputs, string[] Weights)> s_layers = new()
    {
        ["linear"] = (() => new Linear("linear", 5, 3), ["x"], ["w", "b"]),
        ["conv3_s1"] = (() => new Convolution("conv", 6, 4, 3, bias: true), ["x"], ["w", "b"]),
        ["conv3_s2"] = (() => new Convolution("conv", 6, 4, 3, 2, Padding.Symmetric(1), bias: true), ["x"], ["w", "b"]),
        ["conv3_s2_asym"] = (() => new Convolution("conv", 6, 4, 3, 2, Padding.EndOnly(1), bias: true), ["x"], ["w", "b"]),
        ["conv1"] = (() => new Convolution("conv", 6, 4, 1, bias: true), ["x"], ["w", "b"]),
        ["group_norm"] = (() => new GroupNorm("norm", 6, 3, 1e-6), ["x"], ["w", "b"]),
        ["group_norm_silu"] = (() => new GroupNorm("norm", 6, 3, 1e-6, silu: true), ["x"], ["w", "b"]),
        ["layer_norm"] = (() => new LayerNorm("norm", 6), ["x"], ["w", "b"]),
        ["gelu_erf"] = (() => new Gelu("gelu", GeluKind.Exact), ["x"], []),
        ["quick_gelu"] = (() => new Gelu("gelu", GeluKind.Quick), ["x"], []),
        ["geglu"] = (() => new Geglu("geglu"), ["x"], []),
        ["silu"] = (() => new Silu("silu"), ["x"], []),
        ["upsample_2x"] = (() => new Upsample("up", 6, 10), ["x"], []),
        ["upsample_to"] = (() => new Upsample("up", 7, 5), ["x"], []),
        ["concat_channels"] = (() => new Concat("concat"), ["x", "z"], []),
        ["add_time_bias"] = (() => new Modulation("time"), ["x", "t"], []),
        ["scale_shift"] = (() => new Modulation("time", scale: true), ["x", "t"], []),
        ["residual_scale"] = (() => new Add("residual", 1 / Math.Sqrt(2)), ["x", "z"], []),
        ["embedding"] = (() => new Embedding("table", 6, 5), [], ["w"]),
    };

    private static IEnumerable<string> Names => s_layers.Keys;

    [TestCaseSource(nameof(Names))]
    public void AllPasses(string name)
    {
        var fixture = Fixture.Open("ops");
        var (make, inputs, weights) = s_layers[name];
        double[] Memory(string tensor, string suffix) =>
            InMemory(fixture.Shape($"{name}.{tensor}"), fixture.Doubles($"{name}.{tensor}{suffix}"), tensor == "w");
        double[] All(string suffix) => [.. inputs.Concat(weights).SelectMany(t => Memory(t, suffix))];
        Shape[] shapes = [.. inputs.Select(t => InMemory(fixture.Shape($"{name}.{t}")))];
        using var options = JsonDocument.Parse(fixture.Metadata["ops"]);
        var ids = options.RootElement.GetProperty(name).TryGetProperty("index", out var index)
            ? index.EnumerateArray().Select(i => i.GetInt32()).ToArray()
            : null;
        using var harness = new LayerHarness(TestDevices.Default, Precision.Float64, make(), shapes, ids);
        var (y, ty, d, td) = harness.Run(All(""), All(".t"), Memory("y", ".d"), Memory("y", ".td"));
        Errors.AssertClose(y, Memory("y", ""), Tolerance, "y");
        Errors.AssertClose(ty, Memory("y", ".t"), Tolerance, "y.t");
        Errors.AssertClose(d, All(".d"), Tolerance, "d");
        Errors.AssertClose(td, All(".td"), Tolerance, "td");
    }

    // NCHW, and OIHW of a filter, as the layers have them.
    private static double[] InMemory(int[] s, double[] file, bool weight)
    {
        if (s.Length != 4)
            return file;
        var memory = new double[file.Length];
        if (weight)
            MemoryLayout.OihwToKrsc<double>(file, memory, s[0], s[1], s[2], s[3]);
        else
            MemoryLayout.NchwToNhwc<double>(file, memory, s[0], s[1], s[2], s[3]);
        return memory;
    }

    private static Shape InMemory(int[] s) => s.Length == 4 ? new Shape(s[0], s[2], s[3], s[1]) : new Shape(s);
}
