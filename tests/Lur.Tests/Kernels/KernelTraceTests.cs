using System.Text.RegularExpressions;
using Lur.Device;
using Lur.Layers;
using Lur.Runs;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>What a GPU would see of the kernels at the widths of real models: their warps' requests, on a sample of blocks.</summary>
[TestFixture]
public class KernelTraceTests
{
    private const double MostSectors = 1.25,
        LeastActive = 0.9;
    private const int MostWays = 2;

    private static readonly string[] s_folders = ["operators/", "losses/", "vectors/", "gpu/"];

    // Widths as in use, so that rows are as long; few images, because a warp does not see how many there are.
    private static readonly (string Model, int Batch, string Method, (string, string)[] Options)[] s_steps =
    [
        ("resnet18:w64:stem7", 8, "lur", []),
        ("resnet18:w64", 8, "scrub", []),
        ("resnet18:w64", 8, "l1-sparse", []),
        ("unet:w64,128:down01:up10:r1:g8:drop0.1", 8, "lur", []),
    ];

    private static readonly Lazy<IReadOnlyDictionary<string, KernelTrace>> s_traces = new(Trace);

    [Test]
    public void EveryKernelKeepsToTheLimitsOrSaysWhyNot()
    {
        RequireTracing();
        var broken = new List<string>();
        foreach (var file in KernelCatalog.Files.Where(f => s_folders.Any(p => f.Path.StartsWith(p, StringComparison.Ordinal))))
        {
            var text = File.ReadAllText(Path.Combine(KernelPlaces.Default.Sources!, file.Path));
            foreach (var kernel in file.Kernels)
            {
                if (!s_traces.Value.TryGetValue(kernel.Name, out var t))
                {
                    broken.Add($"{file.Path} {kernel.Name}: no step of this test launches it");
                    continue;
                }

                var found = Beyond(t);
                TestContext.Out.WriteLine($"{file.Path} {kernel.Name}: {Describe(t)}");
                var excused = Regex.IsMatch(text, $@"^// Trace: [^\n]*(\n//[^\n]*)*?\b{kernel.Name}\b", RegexOptions.Multiline);
                if (found.Length > 0 && !excused)
                    broken.Add($"{file.Path} {kernel.Name}: {string.Join(", ", found)}");
                if (found.Length == 0 && excused)
                    broken.Add($"{file.Path} {kernel.Name}: its header excuses it, and it keeps to the limits");
            }
        }

        Assert.That(broken, Is.Empty, string.Join('\n', broken));
    }

    // A warp moves 32 times 16 bytes, 16 sectors, where element by element it moved 4.
    [TestCase("vector_axpy")]
    [TestCase("vector_scale")]
    [TestCase("vector_fill")]
    [TestCase("vector_abs_accumulate")]
    [TestCase("sgd_step")]
    [TestCase("l1_subgradient")]
    [TestCase("adam_step")]
    [TestCase("average_step")]
    [TestCase("average_swap")]
    [TestCase("clip_apply")]
    [TestCase("step_commit")]
    public void FlatVectorsAreMovedSixteenBytesAnAccess(string kernel)
    {
        RequireTracing();
        var stores = s_traces.Value[kernel].Stores;
        Assert.That((double)stores.Sectors / stores.Requests, Is.InRange(14, 16));
    }

    [Test]
    public void ADeviceThatRunsASampleOfTheBlocksComputesNothingForOthers()
    {
        RequireTracing();
        var ordinal = Enumerable.Range(0, ComputeDevice.Count).First(TestDevices.Traces);
        Assert.That(
            () => ComputeDevice.Open(ordinal),
            Throws.TypeOf<UserErrorException>().With.Message.StartsWith($"Device {ordinal} runs a sample of every kernel's blocks")
        );
        Assert.That(
            () => ComputeDevice.Attach(new DeviceAttachment { Ordinal = ordinal }),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("void")
        );
    }

    private static string[] Beyond(KernelTrace t)
    {
        var found = new List<string>();
        if (t.Loads.Ratio > MostSectors)
            found.Add(FormattableString.Invariant($"loads touch {t.Loads.Ratio:F2} times the least sectors"));
        if (t.Stores.Ratio > MostSectors)
            found.Add(FormattableString.Invariant($"stores touch {t.Stores.Ratio:F2} times the least sectors"));
        if (t.WorstConflict > MostWays)
            found.Add($"{t.WorstConflict}-way bank conflicts");
        if (t.ActiveShare < LeastActive)
            found.Add(FormattableString.Invariant($"{100 * t.ActiveShare:F0} % of the lanes are active"));
        return [.. found];
    }

    private static string Describe(KernelTrace t) =>
        FormattableString.Invariant(
            $"{t.Loads.Ratio:F2} {t.Stores.Ratio:F2} sectors, {t.WorstConflict} ways, {100 * t.ActiveShare:F0} % active"
        );

    private static Dictionary<string, KernelTrace> Trace()
    {
        using var device = KernelTrace.OpenDevice();
        var steps = s_steps.SelectMany(s => TraceRun.Step(device, s.Model, s.Batch, s.Method, s.Options)).ToList();
        return steps
            .Concat(Single(device))
            .Concat(Rounded(device))
            .GroupBy(t => t.Kernel)
            .ToDictionary(g => g.Key, g => KernelTrace.Sum([.. g]), StringComparer.Ordinal);
    }

    /// <summary>Kernels of preparations, of training and of sampling, which no step of a method launches.</summary>
    private static IReadOnlyList<KernelTrace> Single(ComputeDevice device)
    {
        const int n = 262_144, // whole packs: in a sample of the blocks, the rest of a vector would count for too much
            parts = 512;
        var kernels = device.Kernels(Precision.Float32);
        using var x = device.Allocate(n * sizeof(float));
        using var y = device.Allocate(n * sizeof(float));
        using var z = device.Allocate(n * sizeof(float));
        using var m = device.Allocate(n * sizeof(float));
        using var small = device.Allocate(parts * sizeof(double));
        using var first = device.Allocate(sizeof(ulong));
        DevicePointer<ulong> row = new(first.Address);
        device.Fill(new DevicePointer<byte>(first.Address), 0, sizeof(ulong));
        device.Fill(new DevicePointer<byte>(small.Address), 0, parts * sizeof(double));
        DevicePointer<Real> a = new(x.Address),
            b = new(y.Address),
            table = new(small.Address);
        DevicePointer<double> wide = new(small.Address);
        var (elements, none) = (device.Elements(n), default(DevicePointer<int>));
        kernels.Add.AddAffineForward(elements, a, b, n, 2, 1);
        kernels.Average.AverageBegin(device.Elements(1), wide, none, 0.9, 0, 1, 1, 0, 0);
        kernels.Average.AverageStep(elements, a, b, wide, none, n);
        kernels.Average.AverageSwap(elements, a, b, n);
        kernels.Sampler.SamplerBegin(device.Elements(64), new(x.Address), table, row, 64);
        kernels.Sampler.SamplerStep(elements, a, b, new(m.Address), new(z.Address), table, row, n, 0, 0, 0);
        kernels.Widen.WidenFloat16(elements, a, new(y.Address), n);
        kernels.Widen.WidenBfloat16(elements, a, new(y.Address), n);
        var window = new WindowGeometry
        {
            N = 2,
            H = 16,
            W = 16,
            C = 64,
            K = 64,
            R = 3,
            S = 3,
            Stride = 1,
            Top = 1,
            Left = 1,
            OH = 16,
            OW = 16,
        };
        kernels.Pool.AveragePoolForward(device.Rows(2 * 16 * 16, 64), a, b, window);
        kernels.Pool.AveragePoolBackward(device.Rows(2 * 16 * 16, 64), a, b, window, 0);
        kernels.Rounding.VectorRoundBf16(elements, a, b, n);
        kernels.Rounding.VectorRoundTf32(elements, a, b, n);
        Transformer(device, kernels, [a, b, new(z.Address), new(m.Address), table]);
        kernels.Pieces.NumberStore(device.Elements(6), wide, 6, 1);
        kernels.Pieces.PieceSum(device.Elements(6), new(x.Address), wide, 3, 6);
        kernels.Pieces.RelativeAlpha(device.Elements(1), new(x.Address), new(y.Address), wide, 1);
        kernels.Pieces.StepReport(device.Elements(1), new(x.Address), new(y.Address), wide, new(first.Address));
        kernels.Vector.VectorSquareSum(device.Blocks(parts), wide, a, n, parts);
        kernels.Vector.VectorCountNonfinite(device.Blocks(parts), wide, a, n, parts);
        TwoLaunches(device, kernels, [a, b, new(z.Address), new(m.Address), table]);
        kernels.Vector.VectorDot(device.Blocks(parts), wide, a, b, n, parts);
        kernels.Vector.VectorAxpy(elements, a, b, n, 1);
        kernels.Vector.VectorScale(elements, a, b, n, 1);
        kernels.Vector.VectorFill(elements, a, n, 0);
        kernels.Vector.VectorAbsAccumulate(elements, a, b, n);
        device.Synchronize();
        return KernelTrace.Take();
    }

    // Sums of 320 channels as the host's lane device makes them, in two launches.
    private static void TwoLaunches(ComputeDevice device, KernelSet kernels, DevicePointer<Real>[] x)
    {
        const int rows = 100,
            width = 320,
            chunks = 2;
        var (a, b, c, d, small) = (x[0], x[1], x[2], x[3], x[4]);
        var (sums, blocks, none) = (device.ColumnSums(rows, width, chunks), device.Blocks(width), default(DevicePointer<Real>));
        kernels.BatchNorm.BatchNormStatistics(sums, a, b, c, rows, width, chunks);
        kernels.BatchNorm.BatchNormSums(sums, a, b, none, c, d, small, rows, width, chunks);
        kernels.BatchNorm.BatchNormTangentSums(sums, a, b, b, none, c, c, d, d, small, rows, width, chunks);
        kernels.BatchNorm.BatchNormSumsFinish(blocks, a, none, none, b, 1, rows, width, chunks, 0);
        kernels.BatchNorm.BatchNormStatisticsFinish(blocks, a, b, none, none, c, d, c, rows, width, chunks, 1e-5, 0.1);
        kernels.GroupNorm.GroupNormSums(sums, a, b, c, d, d, small, small, 1, rows, width, chunks, 1);
        kernels.GroupNorm.GroupNormTangentSums(sums, a, b, b, c, c, d, d, d, d, d, d, d, 1, rows, width, chunks, 1);
        kernels.GroupNorm.GroupNormStatisticsFinish(device.Blocks(8), a, b, c, d, c, 1, rows, width, 8, chunks, 1e-5);
        kernels.GroupNorm.GroupNormMeans(device.Blocks(8), a, b, c, 1, rows, width, 8, chunks);
        kernels.GroupNorm.GroupNormTangentMeans(device.Blocks(8), a, b, c, d, 1, rows, width, 8, chunks);
        kernels.GroupNorm.GroupNormWeights(blocks, a, c, b, width, chunks);
        kernels.MeanSquared.MeanSquaredForward(device.Blocks(rows), a, b, c, none, rows, width, 1);
        kernels.Bias.BiasBackwardSums(sums, a, b, rows, width, chunks);
        kernels.Bias.BiasBackwardFinish(blocks, a, b, width, chunks, 0);
    }

    // A convolution of a ResNet, and one of those whose channels are filled up, of rounded factors.
    private static IReadOnlyList<KernelTrace> Rounded(ComputeDevice device)
    {
        foreach (var format in new[] { ProductPrecision.Tf32, ProductPrecision.Bf16 })
        foreach (var shape in new ConvolutionShape[] { new(2, 16, 16, 64, 128, 3, 3, 1, 1), new(8, 32, 32, 60, 64, 3, 3, 1, 1) })
        {
            var op = new ConvolutionOperator(LaunchSet.Immediate(device, Precision.Float32, format), shape);
            using var x = device.Allocate(shape.InputLength * sizeof(float));
            using var w = device.Allocate(shape.FilterLength * sizeof(float));
            using var y = device.Allocate(shape.OutputLength * sizeof(float));
            using var scratch = device.Allocate(op.WorkspaceBytes);
            DevicePointer<Real> px = new(x.Address),
                pw = new(w.Address),
                py = new(y.Address),
                room = new(scratch.Address);
            op.Forward(py, px, pw, false, room);
            op.InputGradient(px, py, pw, false, room);
            op.FilterGradient(pw, px, py, true, room);
        }

        device.Synchronize();
        return KernelTrace.Take();
    }

    // 100 rows of a text encoder, and of a UNet's gates.
    private static void Transformer(ComputeDevice device, KernelSet kernels, DevicePointer<Real>[] x)
    {
        const int rows = 100,
            width = 320;
        var (a, b, c, d, small) = (x[0], x[1], x[2], x[3], x[4]);
        var (elements, each, blocks) = (device.Elements(rows * width), device.Rows(rows, width), device.Blocks(rows, width));
        var sums = device.ColumnSums(rows, width, 2);
        kernels.LayerNorm.LayerNormForward(blocks, a, b, c, d, small, small, rows, width, 1e-5);
        kernels.LayerNorm.LayerNormSums(sums, a, b, c, d, d, rows, width, 2);
        kernels.LayerNorm.LayerNormBackward(blocks, a, b, c, d, d, small, rows, width, 0);
        kernels.LayerNorm.LayerNormForwardTangent(blocks, a, b, c, d, d, small, small, small, small, small, rows, width);
        kernels.LayerNorm.LayerNormTangentSums(sums, a, b, b, c, c, d, d, d, d, rows, width, 2);
        kernels.LayerNorm.LayerNormBackwardTangent(blocks, a, b, b, c, c, d, d, d, d, small, small, rows, width, 0);
        kernels.Gelu.GeluForward(elements, a, b, rows * width, 0);
        kernels.Gelu.GeluBackward(elements, a, b, c, rows * width, 1, 1);
        kernels.Gelu.GeluBackwardTangent(elements, a, b, b, c, c, rows * width, 0, 0);
        kernels.Geglu.GegluForward(each, a, b, rows, width / 2);
        kernels.Geglu.GegluBackward(each, a, b, c, rows, width / 2, 0);
        kernels.Geglu.GegluForwardTangent(each, a, b, c, rows, width / 2);
        kernels.Geglu.GegluBackwardTangent(each, a, b, b, c, d, rows, width / 2, 0);
        using var ids = device.Allocate(rows * sizeof(int));
        using var tokens = device.Allocate(rows * width * sizeof(int));
        device.Upload(new DevicePointer<int>(ids.Address), new int[rows].AsSpan());
        kernels.PromptTokens.PromptTokens(each, new(tokens.Address), a, new(ids.Address), rows, width);
        kernels.PositionEmbedding.PositionEmbeddingForward(each, a, b, c, 2, rows / 2, width);
        kernels.PositionEmbedding.PositionEmbeddingBackward(each, a, b, 2, rows / 2, rows / 2, width);
        kernels.Attention.AttentionCausalMask(each, a, rows, width, rows, 0);
    }

    private static void RequireTracing()
    {
        _ = TestDevices.All;
        if (!Enumerable.Range(0, ComputeDevice.Count).Any(TestDevices.Traces))
            Assert.Ignore("Not run: only the host driver traces kernels.");
    }
}
