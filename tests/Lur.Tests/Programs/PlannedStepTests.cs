using Lur.Device;
using Lur.Runs;

namespace Lur.Tests.Programs;

/// <summary>How many launches a step of LUR is on a GPU, and whether each has work for all of it.</summary>
public class PlannedStepTests
{
    private const int LinearProducts = 12; // of the last layer: three in each gradient; in the product three pairs

    private static readonly DeviceModel s_h100 = DeviceModel.Find("h100");

    private ComputeDevice _device = null!;

    [SetUp]
    public void Begin()
    {
        _ = Lur.Tests.Device.TestDevices.All;
        _device = ComputeDevice.Open(new DeviceOptions { PlannedAs = s_h100 });
    }

    [TearDown]
    public void End() => _device.Dispose();

    [Test]
    public void AnExactStepOfResNet18KeepsItsNumberOfNodes()
    {
        // 20 convolutions with one patch matrix each: 12 nodes in the two gradients, without the first layer's input gradient 10, and 9
        // in the product, where two patch matrices are one launch, without it 4. A GPU with little memory makes chunks, two nodes each.
        // 20 normalisations: sums and their use, twice in each gradient and twice in the product.
        var nodes = TraceRun.Nodes(_device, "resnet18:w64", 128);
        Print(nodes);
        string[] convolution = ["gemm", "im2col", "im2col_pair", "col2im"];
        Assert.That(nodes.Count(n => convolution.Contains(n.Name)), Is.EqualTo((19 * 21) + 8 + 4 + LinearProducts));
        Assert.That(nodes.Count(n => n.Name.StartsWith("batch_norm", StringComparison.Ordinal)), Is.EqualTo(20 * 12));
        Assert.That(nodes, Has.Count.EqualTo(697));
        using var small = ComputeDevice.Open(new DeviceOptions { PlannedAs = s_h100 with { MemoryBytes = 4L << 30 } });
        var chunked = TraceRun.Nodes(small, "resnet18:w64", 128).Count;
        TestContext.Out.WriteLine($"in chunks of half the cache: {chunked}");
        Assert.That(chunked, Is.GreaterThan(2 * nodes.Count));
    }

    // A node with more than 1 MB to read and write, and so with work for every multiprocessor, has a block for each.
    [TestCase("resnet18:w64", 128)]
    [TestCase("unet:c64:m1,2,2:attn16:r2", 32)]
    [TestCase("unet:w64,128:down01:up10:r1:g8:drop0.1", 128)]
    public void WorkAboveAMegabyteHasABlockForEveryMultiprocessor(string model, int batch)
    {
        var nodes = TraceRun.Nodes(_device, model, batch);
        Print(nodes);
        var few = nodes.Where(n => n.Shape.GridX > 0 && n.Bytes > 1 << 20 && n.Shape.GridX * n.Shape.GridY < s_h100.Multiprocessors);
        var broken = few.Select(n => $"{n.Section} {n.Name}: {n.Shape.GridX} blocks, {n.Bytes >> 10} KiB").Distinct();
        Assert.That(broken, Is.Empty, string.Join('\n', broken));
    }

    private static void Print(IReadOnlyList<PlannedNode> nodes)
    {
        TestContext.Out.WriteLine($"{nodes.Count} nodes");
        foreach (var group in nodes.GroupBy(n => n.Name).OrderByDescending(g => g.Count()))
            TestContext.Out.WriteLine($"{group.Key} {group.Count()}");
    }
}
