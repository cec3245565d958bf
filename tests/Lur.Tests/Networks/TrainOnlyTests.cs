using Lur.Layers;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Networks;

/// <summary>A network that trains a part of its weights against the one that trains all, at the same weights: output, gradients and
/// Hessian-vector products of the part, for every layer and every tensor, trained alone and frozen alone.</summary>
/// <remarks>The sums are the same but for terms that are 0, and for kernels that take one product where the others take two: some u times
/// their size. The programs poison every buffer outside its lifetime: what nothing has written is NaN.</remarks>
public class TrainOnlyTests
{
    private const double Tolerance = 1e-12;

    private static IEnumerable<object[]> Rules =>
        from graph in Enum.GetValues<GraphTests.Graph>()
        from slot in GraphTests.Build(graph).Parameters.Slots
        select new object[] { graph, slot.Name };

    [TestCaseSource(nameof(Rules))]
    public void ATensorMayBeTrainedAloneOrFrozenAlone(GraphTests.Graph graph, string tensor)
    {
        var random = TestRandom.ForCurrentTest();
        using var all = new GraphHarness(GraphTests.Build(graph), 3, NormalizationMode.Train, random, inputGradients: false);
        AssertAgrees(all, graph, name => name == tensor, random, false);
        if (all.Network.Parameters.Slots.Count > 1)
            AssertAgrees(all, graph, name => name != tensor, random, false);
    }

    [Test]
    public void NothingOrHalfOrAllMayBeTrained(
        [Values] GraphTests.Graph graph,
        [Values(NormalizationMode.Train, NormalizationMode.Frozen)] NormalizationMode mode,
        [Values(0, 1, 2, 3)] int share
    )
    {
        var random = TestRandom.ForCurrentTest();
        using var all = new GraphHarness(GraphTests.Build(graph), 3, mode, random, inputGradients: true);
        var number = all.Network.Parameters.Slots.Select((s, i) => (s.Name, i)).ToDictionary(p => p.Name, p => p.i);
        // Nothing, the even ones, the odd ones, all.
        AssertAgrees(all, graph, name => share == 3 || (share > 0 && number[name] % 2 == share - 1), random, true, mode);
    }

    private static void AssertAgrees(
        GraphHarness all,
        GraphTests.Graph graph,
        Func<string, bool> trained,
        TestRandom random,
        bool inputGradients,
        NormalizationMode mode = NormalizationMode.Train
    )
    {
        var network = GraphTests.Build(graph);
        var order = network.StateOrder.Select(s => s.Name).ToArray();
        network.TrainOnly(trained);
        Assert.That(
            network.Parameters.Slots.Select(s => s.Name),
            Is.EqualTo(all.Network.Parameters.Slots.Select(s => s.Name).Where(trained))
        );
        Assert.That(network.StateOrder.Select(s => s.Name), Is.EqualTo(order), "the order of files");
        Assert.That(network.WeightCount, Is.EqualTo(all.Theta.Length));
        using var part = new GraphHarness(network, 3, mode, random, inputGradients, all);
        var frozen = part.Frozen;
        var direction = random.NormalArray(all.Theta.Length);
        foreach (var slot in all.Network.Parameters.Slots.Where(s => !trained(s.Name)))
            direction.AsSpan(slot.Offset, slot.Count).Clear();
        var expected = all.Evaluate(all.Theta, direction);
        var actual = part.Evaluate(part.Theta, all.Of(network.Parameters, direction));
        Errors.AssertSame(actual.Output, expected.Output, "y");
        Errors.AssertClose(actual.Gradient, all.Of(network.Parameters, expected.Gradient), Tolerance, "gradient");
        // H v may vanish where one tensor is trained: relative to all of it.
        var scale = Math.Max(Vectors.Norm(expected.Product), 1e-3);
        var product = Vectors.Along(actual.Product, -1, all.Of(network.Parameters, expected.Product));
        Assert.That(Vectors.Norm(product), Is.LessThanOrEqualTo(Tolerance * scale), "product");
        Assert.That(
            actual.TangentDot,
            Is.EqualTo(expected.TangentDot).Within(Tolerance * Math.Max(1, Math.Abs(expected.TangentDot))),
            "ty"
        );
        foreach (var (d, i) in actual.InputGradients.Select((d, i) => (d, i)))
            Errors.AssertClose(d, expected.InputGradients[i], Tolerance, "gradient of an input");
        Errors.AssertSame(part.Frozen, frozen, "frozen weights");
    }

    /// <summary>Before the first trained tensor nothing runs but the forward pass, and behind the last one gradients of weights are not
    /// taken.</summary>
    [Test]
    public void WhatDoesNotDependOnThePartHasNoTangent()
    {
        var calls = new List<string>();
        var network = new Network(5, 3, 4);
        var x = network.Add(new Convolution("first", 4, 4, 3, bias: true), -1);
        x = network.Add(new GroupNorm("norm", 4, 2), network.Add(new Spy("before", calls), x));
        x = network.Add(new Linear("second", 4, 4), network.Add(new Spy("still before", calls), x));
        x = network.Add(new Linear("third", 4, 4), network.Add(new Spy("behind", calls), x));
        network.TrainOnly(name => name == "second.bias");
        Assert.That(network.Nodes.Select(n => n.HasTangent), Is.EqualTo(new[] { false, false, false, false, true, true, true }));
        using var harness = new GraphHarness(network, 2, NormalizationMode.Frozen, TestRandom.ForCurrentTest(), false);
        Assert.That(
            calls,
            Is.EqualTo(
                new[]
                {
                    "before forward",
                    "still before forward",
                    "behind forward",
                    "behind forward tangent",
                    "behind backward",
                    "behind backward tangent",
                }
            )
        );
        network.TrainOnly(null);
        Assert.That(network.Nodes.Select(n => n.HasTangent), Is.All.True);
        using var all = new GraphHarness(network, 2, NormalizationMode.Frozen, TestRandom.ForCurrentTest(), false);
        Assert.That(all.Operations, Is.GreaterThan(2 * harness.Operations));
    }

    [Test]
    public void TheRowsOfOneTableAreTrainedTogether()
    {
        var network = new Network();
        network.Add(new Embedding("table", 4, 2, "last"), network.AddInput("ids", null));
        Assert.That(
            () => network.TrainOnly(name => name == "last"),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("'table.weight' and 'last' are one table")
        );
    }

    [Test]
    public void APassThatIsNotGivenTheFrozenWeightsIsNamed()
    {
        using var program = new Program(TestDevices.Default, Lur.Device.Precision.Float64);
        var network = new Network(3, 3, 1);
        network.Add(new Convolution("conv", 1, 1, 1, bias: true), -1);
        network.TrainOnly(name => name == "conv.bias");
        using var weights = new FlatVector(TestDevices.Default, program.Precision, network.Parameters, "weights");
        using var buffers = new FlatVector(TestDevices.Default, program.Precision, network.Buffers, "buffers");
        var pass = new NetworkPass(program, "bare", 1, weights, buffers, NormalizationMode.Frozen);
        Assert.That(
            () => network.Forward(pass, program.Real("x", ValueRole.Input, new Shape(1, 3, 3, 1))),
            Throws.ArgumentException.With.Message.Contains("1 weights that are not trained; the pass 'bare'")
        );
    }

    /// <summary>y = x, and says which of its passes were recorded.</summary>
    private sealed class Spy(string name, List<string> calls) : LinearMap(name)
    {
        private bool _forward = true,
            _backward = true;

        public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

        protected override void Apply(NetworkPass pass, Value y, Value x)
        {
            calls.Add($"{Name} forward{(_forward ? "" : " tangent")}");
            _forward = false;
            pass.Program.Copy<Lur.Device.Real>(y, x, x.Bytes);
        }

        protected override void ApplyTranspose(NetworkPass pass, Value dx, Value dy, bool accumulate)
        {
            calls.Add($"{Name} backward{(_backward ? "" : " tangent")}");
            _backward = false;
            pass.Launch.Add.AddBackward(pass.Device.Elements(dx.Shape.Count), dx, dy, dx.Shape.Count, 1, accumulate ? 1 : 0);
        }
    }
}
