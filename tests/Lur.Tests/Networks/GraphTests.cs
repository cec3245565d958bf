using Lur.Layers;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Reference;
using static Lur.Tests.Reference.Vectors;

namespace Lur.Tests.Networks;

/// <summary>Networks that a ResNet is none of: biases, padding on two sides, values with several readers, named inputs, layers whose
/// input does not depend on the weights. All four passes by finite differences, the adjoint identity and symmetry.</summary>
/// <remarks>Central differences in float64 with step 1e-6 along unit directions: truncation h^2 and rounding 1e-16 / h give some
/// 1e-9 relative to the norms. ReLU and max-pool have kinks; see <see cref="DerivativeTests"/>. Over budget: a network each.</remarks>
public class GraphTests
{
    private const double Step = 1e-6,
        FirstOrder = 1e-7,
        SecondOrder = 1e-6;

    public enum Graph
    {
        BiasAndPadding,
        SeveralReaders,
        NamedInputs,
        FixedParts,
        Smooth,
        Attentive,
        Conditioned,
        Rectangular,
        Transformer,
        Text,
    }

    internal static Network Build(Graph graph) =>
        graph switch
        {
            Graph.BiasAndPadding => BiasAndPadding(),
            Graph.SeveralReaders => SeveralReaders(),
            Graph.NamedInputs => NamedInputs(),
            Graph.FixedParts => FixedParts(),
            Graph.Smooth => Smooth(),
            Graph.Conditioned => Conditioned(),
            Graph.Rectangular => Rectangular(),
            Graph.Transformer => TransformerNetworks.OfImages(),
            Graph.Text => TransformerNetworks.OfText(),
            _ => Attentive(),
        };

    private static Network BiasAndPadding()
    {
        var n = new Network(7, 10, 3);
        var x = n.Add(new Convolution("right-bottom", 3, 4, 3, 2, Padding.EndOnly(1), bias: true), -1);
        x = n.Add(new BatchNorm("norm", 4, relu: true), x);
        x = n.Add(new Convolution("symmetric", 4, 5, 3, 2, Padding.Symmetric(1), bias: true), x);
        x = n.Add(new Convolution("wide", 5, 3, 3, 1, new Padding(2, 0), bias: true), x);
        x = n.Add(new Convolution("pointwise", 3, 2, 1, bias: true), x);
        n.Add(new GlobalAveragePool("pool"), x);
        return n;
    }

    // Every layer is one reader of several, first and not first in the order of the backward pass; `twice` reads one value as both
    // of its inputs.
    private static Network SeveralReaders()
    {
        var n = new Network(5, 7, 2);
        var x = n.Add(new Convolution("conv", 2, 3, 3), -1);
        var twice = n.Add(new BatchNorm("twice", 3, relu: true), x, x);
        var other = n.Add(new BatchNorm("other", 3, relu: false), x, twice);
        var deeper = n.Add(new Convolution("deeper", 3, 3, 3, 1, bias: true), x);
        var sum = n.Add(new BatchNorm("sum", 3, relu: true), deeper, other);
        var smaller = n.Add(new MaxPool("max", 3, 2, 1), x);
        var strided = n.Add(new Convolution("strided", 3, 3, 3, 2), sum);
        var merged = n.Add(new BatchNorm("merged", 3, relu: false), strided, smaller);
        var (a, b) = (n.Add(new GlobalAveragePool("pool.a"), merged), n.Add(new GlobalAveragePool("pool.b"), sum));
        var both = n.Add(new BatchNorm("both", 3, relu: false), a, b);
        var (c, d) = (n.Add(new Linear("fc.a", 3, 4), both), n.Add(new Linear("fc.b", 3, 4, bias: false), both));
        n.Add(new BatchNorm("out", 4, relu: false), c, d);
        return n;
    }

    private static Network NamedInputs()
    {
        var n = new Network();
        var images = n.AddInput("images", new Shape(5, 3, 2));
        var (map, time) = (n.AddInput("map", new Shape(5, 3, 4)), n.AddInput("time", new Shape(6)));
        var x = n.Add(new Convolution("conv", 2, 4, 3, bias: true), images);
        x = n.Add(new BatchNorm("with-map", 4, relu: true), x, map);
        x = n.Add(new Linear("rows", 4, 3), x);
        x = n.Add(new GlobalAveragePool("pool"), x);
        var t = n.Add(new Linear("embed", 6, 3, bias: false), time);
        n.Add(new BatchNorm("with-time", 3, relu: false), x, t);
        return n;
    }

    // Layers without weights, and normalisations, directly on the images.
    private static Network FixedParts()
    {
        var n = new Network(7, 5, 2);
        var small = n.Add(new MaxPool("max", 3, 2, 1), -1);
        var normed = n.Add(new BatchNorm("norm", 2, relu: true), small, small);
        var full = n.Add(new BatchNorm("images", 2, relu: false), -1);
        full = n.Add(new Convolution("conv", 2, 2, 3, 2), full);
        full = n.Add(new BatchNorm("join", 2, relu: false), full, normed);
        var mean = n.Add(new GlobalAveragePool("mean"), -1);
        n.Add(new BatchNorm("out", 2, relu: false), n.Add(new GlobalAveragePool("pool"), full), mean);
        return n;
    }

    // The activation reads a value that another layer reads too, and one that does not depend on the weights.
    private static Network Smooth()
    {
        var n = new Network(5, 3, 2);
        var x = n.Add(new Convolution("conv", 2, 3, 3, bias: true), n.Add(new Silu("images"), -1));
        var y = n.Add(new Convolution("after", 3, 3, 3), n.Add(new Silu("silu"), x));
        y = n.Add(new Silu("out"), n.Add(new BatchNorm("norm", 3, relu: false), y, x));
        n.Add(new GlobalAveragePool("pool"), y);
        return n;
    }

    // Self-attention of pixels; cross-attention whose values do not depend on the weights, or whose values alone do; one value as
    // queries, keys and values.
    private static Network Attentive()
    {
        var n = new Network(3, 2, 4);
        var text = n.AddInput("text", new Shape(5, 6));
        var x = n.Add(new Linear("in", 4, 6), -1);
        int Row(string name, int from) => n.Add(new Linear(name, 6, 6), from);
        var y = n.Add(new Attention("self", 3), Row("self.q", x), Row("self.k", x), Row("self.v", x));
        var keys = n.Add(new Attention("text", 1), text, text, Row("text.v", text));
        y = n.Add(new Attention("cross", 2), y, keys, text);
        y = n.Add(new Attention("joined", 2), Row("joined.q", y), x, x);
        n.Add(new Attention("one", 2), y, y, y);
        return n;
    }

    // The layers of a UNet, each also where an input does not depend on the weights, and where another layer reads it too.
    private static Network Conditioned()
    {
        var n = new Network();
        var (images, condition) = (n.AddInput("images", new Shape(4, 6, 4)), n.AddInput("condition", new Shape(3)));
        var x = n.Add(new Convolution("conv", 4, 6, 3, bias: true), n.Add(new Affine("center", 2, -1), images));
        var film = n.Add(new Modulation("film", scale: true), x, n.Add(new Linear("scale", 3, 12), condition));
        var shifted = n.Add(new Modulation("shift"), images, n.Add(new Linear("shift.t", 3, 4), condition));
        var fixedFilm = n.Add(new Modulation("fixed", scale: true), images, n.Add(new Linear("fixed.t", 3, 8), condition));
        var all = n.Add(new Concat("concat"), film, images, shifted, x);
        var y = n.Add(new GroupNorm("norm", 20, 5, silu: true), all);
        y = n.Add(new Convolution("down", 20, 4, 3, 2, Padding.EndOnly(1), bias: true), y);
        y = n.Add(new Upsample("up", 4, 6), y);
        y = n.Add(new Add("skip", 0.7), images, n.Add(new Add("sum"), y, n.Add(new GroupNorm("plain", 4, 2), images)));
        y = n.Add(new Add("last"), n.Add(new Add("twice"), y, fixedFilm), n.Add(new Upsample("same", 4, 6), shifted));
        n.Add(new GlobalAveragePool("pool"), n.Add(new GroupNorm("out", 4, 1, silu: true), y));
        return n;
    }

    // Filters of a row and of a column beside one another; averages of images, and of what another layer reads too.
    private static Network Rectangular()
    {
        var n = new Network(7, 5, 3);
        var x = n.Add(new Convolution("conv", 3, 4, 3, 2, bias: true), -1);
        var (row, column) = (n.Add(new Convolution("row", 4, 3, (1, 7), true), x), n.Add(new Convolution("column", 4, 2, (3, 1)), x));
        var (images, means) = (n.Add(new AveragePool("images", 3, 2, 1), -1), n.Add(new AveragePool("means", 3, 1, 1), x));
        var y = n.Add(new BatchNorm("norm", 12, false, 1e-3), n.Add(new Concat("concat"), row, images, column, means));
        n.Add(new GlobalAveragePool("pool"), n.Add(new Silu("out"), n.Add(new AveragePool("last", 2, 2, 0), y)));
        return n;
    }

    private static GraphHarness Open(Graph graph, NormalizationMode mode, TestRandom random, bool inputGradients = false) =>
        new(Build(graph), 4, mode, random, inputGradients);

    private static double[] Unit(TestRandom random, int count) => random.NormalArray(count, 0, 1 / Math.Sqrt(count));

    [Test]
    public void DerivativesMatchFiniteDifferences(
        [Values] Graph graph,
        [Values(NormalizationMode.Train, NormalizationMode.Frozen)] NormalizationMode mode
    )
    {
        var random = TestRandom.ForCurrentTest();
        using var net = Open(graph, mode, random);
        var v = Unit(random, net.Theta.Length);
        var (here, plus, minus) = (
            net.Evaluate(net.Theta, v),
            net.Evaluate(Along(net.Theta, Step, v), v),
            net.Evaluate(Along(net.Theta, -Step, v), v)
        );
        double[] difference = [.. plus.Gradient.Zip(minus.Gradient, (p, m) => (p - m) / (2 * Step))];
        var scale = Norm(here.Gradient);
        Assert.Multiple(() =>
        {
            Assert.That(scale, Is.GreaterThan(1e-3), "the gradient says something");
            Assert.That((plus.Loss - minus.Loss) / (2 * Step), Is.EqualTo(Dot(here.Gradient, v)).Within(FirstOrder * scale), "first order");
            Assert.That(
                Norm(Along(difference, -1, here.Product)),
                Is.LessThan(SecondOrder * Math.Max(scale, Norm(difference))),
                "second order"
            );
            Assert.That(here.TangentDot, Is.EqualTo(Dot(here.Gradient, v)).Within(1e-11 * scale * Norm(here.Output)), "adjoint identity");
        });
    }

    /// <summary>Each tensor alone: a small one does not hide behind the others.</summary>
    [Test]
    public void EveryTensorHasItsDerivative([Values] Graph graph)
    {
        var random = TestRandom.ForCurrentTest();
        using var net = Open(graph, NormalizationMode.Train, random);
        foreach (var slot in net.Network.Parameters.Slots)
        {
            var v = new double[net.Theta.Length];
            Unit(random, slot.Count).CopyTo(v, slot.Offset);
            var (here, plus, minus) = (
                net.Evaluate(net.Theta, v),
                net.Evaluate(Along(net.Theta, Step, v), v),
                net.Evaluate(Along(net.Theta, -Step, v), v)
            );
            double[] difference = [.. plus.Gradient.Zip(minus.Gradient, (p, m) => (p - m) / (2 * Step))];
            var scale = Norm(here.Gradient);
            Assert.That((plus.Loss - minus.Loss) / (2 * Step), Is.EqualTo(Dot(here.Gradient, v)).Within(FirstOrder * scale), slot.Name);
            Assert.That(Norm(Along(difference, -1, here.Product)), Is.LessThan(SecondOrder * Math.Max(scale, Norm(difference))), slot.Name);
        }
    }

    [Test]
    public void HessianIsSymmetric([Values] Graph graph, [Values(NormalizationMode.Train, NormalizationMode.Frozen)] NormalizationMode mode)
    {
        var random = TestRandom.ForCurrentTest();
        using var net = Open(graph, mode, random);
        double[] u = random.NormalArray(net.Theta.Length),
            v = random.NormalArray(net.Theta.Length);
        var (hu, hv) = (net.Evaluate(net.Theta, u).Product, net.Evaluate(net.Theta, v).Product);
        Assert.That(Dot(u, hv), Is.EqualTo(Dot(v, hu)).Within(1e-11 * Norm(u) * Norm(hv)));
    }

    [Test]
    public void InputsHaveAGradientOnRequest(
        [Values] Graph graph,
        [Values(NormalizationMode.Train, NormalizationMode.Frozen)] NormalizationMode mode
    )
    {
        var random = TestRandom.ForCurrentTest();
        using var net = Open(graph, mode, random, inputGradients: true);
        var v = new double[net.Theta.Length];
        var gradients = net.Evaluate(net.Theta, v).InputGradients;
        for (var i = 0; i < net.Inputs.Length; i++)
        {
            var d = Unit(random, net.Inputs[i].Length);
            double Loss(double step) => net.Evaluate(net.Theta, v, [.. net.Inputs.Select((x, k) => k == i ? Along(x, step, d) : x)]).Loss;
            var expected = (Loss(Step) - Loss(-Step)) / (2 * Step);
            Assert.That(Norm(gradients[i]), Is.GreaterThan(1e-3));
            Assert.That(expected, Is.EqualTo(Dot(gradients[i], d)).Within(FirstOrder * Norm(gradients[i])), net.Network.Inputs[i].Name);
        }
    }

    /// <summary>y = F(x, w) + b against the definition, with zeros right and below alone: an even size, where this padding and that
    /// on all sides give outputs of one size and another content.</summary>
    [TestCase(6, 8, 0, 1, 2, 3, 4)]
    [TestCase(7, 5, 0, 1, 2, 3, 2)]
    [TestCase(6, 6, 1, 1, 2, 3, 3)]
    [TestCase(5, 4, 2, 0, 1, 5, 4)]
    public void ConvolutionIsItsDefinition(int height, int width, int begin, int end, int stride, int outHeight, int outWidth)
    {
        var network = new Network(height, width, 3);
        network.Add(new Convolution("conv", 3, 5, 3, stride, new Padding(begin, end), bias: true), -1);
        Assert.That(network.Shapes(2)[0], Is.EqualTo(new Shape(2, outHeight, outWidth, 5)));
        using var net = new GraphHarness(network, 2, NormalizationMode.Train, TestRandom.ForCurrentTest(), inputGradients: true);
        var shape = new ConvolutionShape(2, height, width, 3, 5, 3, 3, stride, begin) { PadEnd = end };
        var (w, b) = (net.Theta[..135], net.Theta[135..]);
        double[] y = [.. ConvolutionReference.Forward(shape, net.Inputs[0], w).Select((value, i) => value + b[i % 5])];
        var point = net.Evaluate(net.Theta, new double[net.Theta.Length]);
        // Sums of 27 products of order 1 (and of as many positions for the filter) in another order: some u times their size.
        Errors.AssertClose(point.Output, y, 1e-13, "y");
        Errors.AssertClose(point.InputGradients[0], ConvolutionReference.InputGradient(shape, y, w), 1e-13, "dx");
        Errors.AssertClose(point.Gradient[..135], ConvolutionReference.FilterGradient(shape, net.Inputs[0], y), 1e-13, "dw");
        double[] db = [.. Enumerable.Range(0, 5).Select(k => y.Where((_, i) => i % 5 == k).Sum())];
        Errors.AssertClose(point.Gradient[135..], db, 1e-13, "db");
    }

    [Test]
    public void AnInputThatIsMissingUnknownOrMisshapenIsNamed()
    {
        using var program = new Program(TestDevices.Default, Lur.Device.Precision.Float64);
        var network = NamedInputs();
        using var weights = new FlatVector(TestDevices.Default, program.Precision, network.Parameters, "weights");
        using var buffers = new FlatVector(TestDevices.Default, program.Precision, network.Buffers, "buffers");
        var pass = new NetworkPass(program, "graph", 2, weights, buffers, NormalizationMode.Frozen);
        Value Of(params int[] extents) => program.Real("input", ValueRole.Input, new Shape(extents));
        Assert.That(() => network.Forward(pass, ("images", Of(2, 5, 3, 2)), ("map", Of(2, 5, 3, 4))), Message("'time'"));
        Assert.That(() => network.Forward(pass, ("image", Of(2, 5, 3, 2))), Message("'image'; it has images, map, time"));
        Assert.That(() => network.Forward(pass, ("time", Of(2, 5))), Message("'time' is [2, 5], expected [2, 6]"));
        Assert.That(() => network.AddInput("map", new Shape(1)), Message("'map' is there twice"));
    }

    [Test]
    public void AnOutputThatNothingReadsIsNamed()
    {
        var network = new Network(3, 3, 1);
        network.Add(new Convolution("dead", 1, 1, 1), -1);
        network.Add(new Convolution("last", 1, 1, 1), -1);
        Assert.That(
            () => new GraphHarness(network, 1, NormalizationMode.Train, TestRandom.ForCurrentTest(), false),
            Message("the output of 'dead'")
        );
    }

    private static NUnit.Framework.Constraints.ContainsConstraint Message(string part) =>
        Throws.ArgumentException.With.Message.Contains(part);
}
