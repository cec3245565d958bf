using System.Text.Json;
using Lur.Device;
using Lur.Layers;
using Lur.Runs;
using Lur.Tensors;
using Lur.Tests.Cli;

namespace Lur.Tests.Programs;

/// <summary>Bytes, operations and occupancy against counts by hand, and what a prediction makes of them.</summary>
public class RooflineTests
{
    private const int N = 1031; // prime, above a block

    private static readonly DeviceModel s_h100 = DeviceModel.Find("h100");

    private ComputeDevice _device = null!;
    private Program _program = null!;

    [SetUp]
    public void Begin()
    {
        _ = Lur.Tests.Device.TestDevices.All;
        _device = ComputeDevice.Open(new DeviceOptions { PlannedAs = s_h100 });
        _program = new Program(_device, Precision.Float32);
    }

    [TearDown]
    public void End()
    {
        _program.Dispose();
        _device.Dispose();
    }

    [Test]
    public void AKernelsBytesAreItsArraysOnceEach()
    {
        var (x, y) = (Buffer("x"), Buffer("y"));
        var (k, shape) = (_program.Launch, _device.Elements(N));
        k.Vector.VectorFill(shape, x, N, 1);
        k.Vector.VectorScale(shape, y, x, N, 3);
        k.Vector.VectorAxpy(shape, y, x, N, 3);
        k.Silu.SiluBackward(shape, y, x, x, N, 0);
        k.Silu.SiluBackward(shape, y, x, x, N, 1);
        _program.Copy<Real>(y, x, 40);
        _program.Clear(y);
        // In arrays of N floats: read, written. axpy reads what it adds to; a backward pass only where it accumulates.
        (int, int)[] arrays = [(0, 1), (1, 1), (2, 1), (2, 1), (3, 1)];
        var expected = arrays.Select(a => (4L * N * a.Item1, 4L * N * a.Item2)).Concat([(40, 40), (0, 4L * N)]);
        Assert.That(_program.Nodes.Select(n => (n.BytesRead, n.BytesWritten)), Is.EqualTo(expected));
        Assert.That(_program.Nodes[1].Operations, Is.EqualTo(2 * N * PlannedNode.PerElement));
        Assert.That(_program.Nodes[5].Operations, Is.Zero, "a copy computes nothing");
    }

    [Test]
    public void OfAFlatVectorATensorCountsByItself()
    {
        var layout = new ParameterLayout();
        var first = layout.Add("first", ParameterKind.Bias, new Shape(7), Initializer.Zero);
        var second = layout.Add("second", ParameterKind.Bias, new Shape(11), Initializer.Zero);
        var (vector, y) = (new FlatVector(_program, layout, "theta"), Buffer("y"));
        var k = _program.Launch.Vector;
        k.VectorFill(_device.Elements(18), vector, 18, 1);
        k.VectorScale(_device.Elements(7), y, vector.At(first), 7, 1);
        k.VectorScale(_device.Elements(11), y, vector.At(second), 11, 1);
        Assert.That(_program.Nodes[0].BytesWritten, Is.GreaterThanOrEqualTo(4 * 18));
        Assert.That(_program.Nodes.Skip(1).Select(n => n.BytesRead), Is.EqualTo(new[] { 28L, 44L }));
    }

    [TestCase(0.0, 0)]
    [TestCase(1.0, 1)]
    public void AProductIsTwoOperationsATerm(double beta, int reads)
    {
        var (a, b, c) = (Buffer("a"), Buffer("b"), Buffer("c"));
        foreach (var value in new[] { a, b, c })
            _program.Clear(value);
        _program.Launch.Products.Run(false, false, 5, 7, 11, 1, a, 11, b, 7, beta, c, 7);
        // Three products that share B.
        _program.Launch.Products.RunBatched(false, false, 5, 7, 11, 1, a, 11, b, 7, beta, c, 7, 55, 0, 35, 3);
        var (one, three) = (_program.Nodes[^2], _program.Nodes[^1]);
        Assert.That((one.Operations, three.Operations), Is.EqualTo((2L * 5 * 7 * 11, 6L * 5 * 7 * 11)));
        Assert.That((one.BytesRead, one.BytesWritten), Is.EqualTo((4L * (55 + 77 + (35 * reads)), 4L * 35)));
        Assert.That((three.BytesRead, three.BytesWritten), Is.EqualTo((4L * (165 + 77 + (105 * reads)), 4L * 105)));
    }

    [TestCase(1, 8, 8, 3, 5, 3, 1, 1)]
    [TestCase(13, 32, 32, 64, 64, 3, 1, 1)]
    [TestCase(4, 9, 7, 6, 10, 3, 2, 1)]
    [TestCase(2, 5, 5, 4, 3, 1, 1, 0)]
    public void AConvolutionsProductsAreThoseOfItsDefinition(int n, int h, int w, int c, int k, int size, int stride, int pad)
    {
        var shape = new ConvolutionShape(n, h, w, c, k, size, size, stride, pad);
        var op = new ConvolutionOperator(_program.Launch, shape);
        Value Of(string name, long count) => _program.Real(name, ValueRole.Activation, new Shape((int)count));
        var (x, f, y) = (Of("x", shape.InputLength), Of("w", shape.FilterLength), Of("y", shape.OutputLength));
        var scratch = _program.Scratch("scratch", op.WorkspaceBytes / 4);
        op.Forward(y, x, f, false, scratch);
        var forward = _program.Nodes.Count;
        op.InputGradient(x, y, f, false, scratch);
        var backward = _program.Nodes.Count;
        op.FilterGradient(f, x, y, false, scratch);
        long Products(IEnumerable<PlannedNode> nodes) => nodes.Where(p => p.Name == "gemm").Sum(p => p.Operations);
        PlannedNode[][] passes =
        [
            [.. _program.Nodes.Take(forward)],
            [.. _program.Nodes.Take(backward).Skip(forward)],
            [.. _program.Nodes.Skip(backward)],
        ];
        Assert.That(passes.Select(Products), Is.All.EqualTo(2 * shape.MultiplyAdds));
        if (shape.IsPointwise)
            return;
        // Patches are written once in all, whatever the chunks; the images are read once, up to the rounding of a chunk's part.
        var copies = passes[0].Where(p => p.Name == "im2col").ToArray();
        Assert.That(copies.Sum(p => p.BytesWritten), Is.EqualTo(4L * n * shape.OutH * shape.OutW * size * size * c));
        Assert.That(copies.Sum(p => p.BytesRead), Is.EqualTo(4 * shape.InputLength).Within(4 * copies.Length));
        Assert.That(passes[1].Where(p => p.Name == "col2im").Sum(p => p.BytesWritten), Is.EqualTo(4 * shape.InputLength));
    }

    // By hand, 64 warps and 65536 registers: a warp of 40 registers takes 1280, 51 warps fit, in fours 48, which are 6 blocks of 8.
    [TestCase("h100", 32, 0, 256, 8)]
    [TestCase("h100", 40, 0, 256, 6)]
    [TestCase("h100", 64, 0, 256, 4)]
    [TestCase("h100", 255, 0, 256, 1)]
    [TestCase("h100", 16, 0, 32, 32)] // no more than 32 blocks
    [TestCase("h100", 88, 0, 32, 20)] // 2816 a warp: 23, in fours 20
    [TestCase("h100", 32, 0, 1024, 2)]
    [TestCase("h100", 48, 0, 1024, 1)] // 1536 a warp: 42, in fours 40 warps, one block of 32
    [TestCase("h100", 32, 50 << 10, 128, 4)] // 50 of 228 KiB, the system's KiB among them
    [TestCase("a100", 32, 50 << 10, 128, 3)] // 51 of 164 KiB
    public void OccupancyIsThatOfNvidiasCalculator(string model, int registers, int shared, int threads, int blocks) =>
        Assert.That(DeviceModel.Find(model).BlocksAtOnce(new KernelOccupancy(registers, 0, shared), threads), Is.EqualTo(blocks));

    [Test]
    public void WhatKernelsOccupyIsWithinTheirBudget()
    {
        string[] kernels = ["sgd_step", "batch_norm_sums", "gemm"];
        var (needs, source) = KernelOccupancies.Of(kernels, s_h100, Precision.Float32);
        Assert.That(source, Does.StartWith("images of NVRTC").Or.EqualTo($"the table {KernelBudget.Path}"));
        foreach (var kernel in kernels[..2])
        {
            var budget = KernelBudget.Of(kernel, Precision.Float32, 90)!.Value;
            Assert.That(needs[kernel].Registers, Is.InRange(1, budget.Registers), kernel);
            Assert.That(needs[kernel].Within(budget), kernel);
        }

        Assert.That(needs.Keys, Does.Not.Contain("gemm"));
    }

    [Test]
    public void FewBlocksReachAShareOfThePeaks()
    {
        var needs = new KernelOccupancy(32, 0, 0);
        // One block of 256 threads with 16 bytes each under way, of the 2.01 MB that 3.35 TB/s deliver in 600 ns.
        var (memory, arithmetic, occupancy) = Roofline.Shares(new LaunchShape(1, 256), needs, s_h100);
        Assert.That(memory, Is.EqualTo(256 * 16 / (3.35e12 * 600e-9)).Within(1e-12));
        Assert.That(arithmetic, Is.EqualTo(1 / 132.0 * 256 / 512).Within(1e-12));
        Assert.That(occupancy, Is.EqualTo(1));
        (memory, arithmetic, occupancy) = Roofline.Shares(new LaunchShape(2112, 256), needs with { Registers = 64 }, s_h100);
        Assert.That((memory, arithmetic, occupancy), Is.EqualTo((1.0, 1.0, 0.5)));
    }

    [Test]
    public void ANodeTakesAStartAndTheLongerOfItsTwoTimes()
    {
        var shape = new LaunchShape(2112, 256);
        PredictedNode Predict(long bytes, long operations, ProductSize product = default) =>
            Roofline.Predict(
                new PlannedNode("", "k", bytes, 0, operations, product.Batch > 0 ? default : shape, product),
                s_h100,
                product.Batch > 0 ? null : new KernelOccupancy(32, 0, 0),
                ProductPrecision.Tf32
            );
        var node = Predict(335_000_000, 0);
        Assert.That(node.Seconds, Is.EqualTo(1e-6 + 1e-4).Within(1e-12));
        Assert.That(node.Bound, Is.EqualTo(Bound.Memory));
        node = Predict(4, 67_000_000_000);
        Assert.That(node.Seconds, Is.EqualTo(1e-6 + 1e-3).Within(1e-12));
        Assert.That(node.Bound, Is.EqualTo(Bound.Arithmetic));
        Assert.That(Predict(4, 4).Bound, Is.EqualTo(Bound.Launch));
        // A product runs at the rate of its precision; one tile of 64 x 64 with 256 terms has one multiprocessor.
        node = Predict(4, 2L << 30, new ProductSize(1024, 1024, 1024, 1));
        Assert.That(node.Seconds, Is.EqualTo(1e-6 + ((2L << 30) / 494.7e12)).Within(1e-12));
        node = Predict(4, 2L << 20, new ProductSize(64, 64, 256, 1));
        Assert.That(node.Seconds, Is.EqualTo(1e-6 + ((2L << 20) / (494.7e12 / 132))).Within(1e-12));
    }

    [Test]
    public void PartsAddUpToTheStepAndMoreWorkTakesLonger()
    {
        static StepPrediction Of(string model, int batch)
        {
            var gpu = DeviceModel.Find(model);
            using var device = ComputeDevice.Open(new DeviceOptions { PlannedAs = gpu });
            var nodes = TraceRun.Nodes(device, "resnet[1,1]:w16", batch);
            var needs = KernelOccupancies.Budget(nodes.Select(n => n.Name).Distinct(), gpu, Precision.Float32);
            Assert.That(needs, Has.Count.GreaterThan(20), "the table has the kernels of the step");
            return StepPrediction.Of(nodes, gpu, needs, "the table");
        }

        var p = Of("h100", 32);
        var parts = p.MemorySeconds + p.ArithmeticSeconds + p.SmallSeconds + p.LaunchSeconds;
        Assert.That(parts, Is.EqualTo(p.Seconds).Within(1e-12));
        Assert.That(p.Groups.Sum(g => g.Seconds), Is.EqualTo(p.Seconds).Within(1e-12));
        Assert.That(p.Groups.Sum(g => g.Nodes), Is.EqualTo(p.Nodes.Count));
        Assert.That(p.Groups.Select(g => g.Seconds), Is.Ordered.Descending);
        Assert.That(p.Groups.Select(g => g.Section).Distinct(), Is.SupersetOf(new[] { "retain gradient", "update" }));
        Assert.That((p.Tf32Seconds <= p.Seconds, p.Bfloat16Seconds <= p.Tf32Seconds), Is.EqualTo((true, true)));
        Assert.That(Of("h100", 64).Seconds, Is.GreaterThan(p.Seconds), "twice the images");
        Assert.That(Of("a100", 32).Seconds, Is.GreaterThan(p.Seconds), "an older GPU");
        Assert.That(Of("h200", 32).Seconds, Is.LessThanOrEqualTo(p.Seconds), "faster memory");
    }

    [Test]
    public void ADeviceThatPlansRunsNothing()
    {
        Assert.That(_device.Properties.Multiprocessors, Is.EqualTo(132));
        var y = Program.Keep(Buffer("y"));
        _program.Launch.Vector.VectorFill(_device.Elements(N), y, N, 1);
        var e = Assert.Throws<InvalidOperationException>(_program.Run)!;
        Assert.That(e.Message, Does.Contain("plans for H100 SXM"));
        Assert.Throws<InvalidOperationException>(() => _ = _device.Gemm);
    }

    [Test]
    public void ArraysUpdatedInPlaceAreNamedAsTheKernelsNameThem()
    {
        var parameters = KernelCatalog
            .Files.SelectMany(f => f.Kernels)
            .SelectMany(k => k.Parameters.Where(p => p.IsPointer && !p.IsConst).Select(p => (k.Name, p.Name)))
            .ToHashSet();
        var named = PlannedNode.InPlace.SelectMany(k => k.Value.Select(p => (k.Key, p)));
        Assert.That(named.Where(n => !parameters.Contains(n)), Is.Empty);
    }

    [Test]
    public void TheCommandPredictsAndListsTheFiveCostliest()
    {
        string[] train = ["train", "--data", "synthetic:train=40,test=10", "--model", "resnet[1]:w8", "--batch", "8", "-o", "nowhere"];
        var (code, output, error) = Command.Run([.. train, "--plan", "--device-model", "H200", "--json"]);
        Assert.That(code, Is.Zero, error);
        using var json = JsonDocument.Parse(output);
        var (nodes, rows) = (json.RootElement.GetProperty("nodes"), json.RootElement.GetProperty("prediction"));
        Assert.That(nodes.GetArrayLength(), Is.EqualTo(5));
        Assert.That(json.RootElement.GetProperty("plan").GetArrayLength(), Is.GreaterThan(5));
        double[] times = [.. rows.EnumerateArray().Select(r => r.GetProperty("predictedTime").GetDouble())];
        Assert.That(times.Take(4).Sum(), Is.EqualTo(times[4]).Within(1e-9));
        (code, output, error) = Command.Run([.. train, "--plan", "--device-model", "h100"]);
        Assert.That((code, output), Is.EqualTo((0, output)), error);
        Assert.That(output, Does.Contain("costliest nodes on H100 SXM").And.Contain("products in float32"));
        Assert.That(error, Does.Contain("A prediction and no measurement"));
        Assert.That(Directory.Exists("nowhere"), Is.False);
    }

    [Test]
    public void AnUnknownGpuIsRefusedWithThoseKnown()
    {
        string[] train = ["train", "--data", "synthetic:train=40,test=10", "-o", "nowhere"];
        var (code, _, error) = Command.Run([.. train, "--plan", "--device-model", "v100"]);
        Assert.That((code, error.Trim()), Is.EqualTo((2, "lur: There is no device model 'v100'; known are a100, h100, h200.")));
        (code, _, error) = Command.Run([.. train, "--device-model", "h100"]);
        Assert.That(code, Is.EqualTo(2));
        Assert.That(error, Does.Contain("--device-model goes with --plan"));
    }

    private Value Buffer(string name) => _program.Real(name, ValueRole.Activation, new Shape(N));
}
