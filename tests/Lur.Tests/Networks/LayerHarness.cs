using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Tests.Networks;

/// <summary>All four passes of one layer. Its inputs are weights of layers that do nothing but give them, so that they have tangents and
/// gradients; where the layer has weights of its own, these come last.</summary>
internal sealed class LayerHarness : IDisposable
{
    private readonly Program _program;
    private readonly FlatVector _weights,
        _buffers,
        _direction,
        _gradient,
        _product;
    private readonly Value _output,
        _ty,
        _dy,
        _tdy;

    /// <summary>Plans the passes.</summary>
    /// <param name="device">Where.</param>
    /// <param name="precision">Element type.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="inputs">Shapes of its inputs, batch first.</param>
    /// <param name="ids">An input of ids instead; null for none.</param>
    /// <param name="positions">Ids of a sample; 0 for one without an axis of its own.</param>
    /// <param name="sumsInTwo">True to sum down columns in two launches on any device.</param>
    public LayerHarness(
        ComputeDevice device,
        Precision precision,
        Layer layer,
        Shape[] inputs,
        int[]? ids = null,
        int positions = 0,
        bool sumsInTwo = false
    )
    {
        _program = new Program(device, precision) { Poison = true, SumsInTwo = sumsInTwo };
        var network = new Network();
        int[] nodes =
        [
            .. inputs.Select((shape, i) => network.Add(new Source($"input{i}", shape), network.AddInput($"none{i}", null))),
            .. ids is null ? Array.Empty<int>() : [network.AddInput("ids", positions == 0 ? null : new Shape(positions))],
        ];
        network.Add(layer, nodes);
        FlatVector Vector(string name) => new(device, precision, network.Parameters, name);
        (_weights, _direction, _gradient, _product) = (Vector("weights"), Vector("direction"), Vector("gradient"), Vector("product"));
        _buffers = new FlatVector(device, precision, network.Buffers, "buffers");
        var batch = ids?.Length / Math.Max(1, positions) ?? inputs[0][0];
        var pass = new NetworkPass(_program, "layer", batch, _weights, _buffers, NormalizationMode.Frozen)
        {
            Gradients = _gradient,
            WeightTangents = _direction,
            GradientTangents = _product,
        };
        var given = network
            .Inputs.Select(i => (i.Name, i.Name == "ids" ? Ids(ids!, i.Batched(batch)) : Unread(i.Batched(batch))))
            .ToArray();
        _output = Program.Keep(network.Forward(pass, given));
        _ty = Program.Keep(network.ForwardTangent(pass));
        (_dy, _tdy) = (Given(pass.GradientOf(_output)), Given(pass.TangentGradientOf(_output)));
        network.BackwardWithTangent(pass);
        _program.Commit();
        (Network, Layout) = (network, network.Parameters);
    }

    public Network Network { get; }

    public ParameterLayout Layout { get; }

    /// <summary>y, ty, and the gradient and its tangent in inputs and weights, of inputs and weights, their tangents, dy and tdy.</summary>
    public (double[] Y, double[] Ty, double[] D, double[] Td) Run(double[] theta, double[] tangent, double[] dy, double[] tdy)
    {
        _weights.Set(theta);
        _direction.Set(tangent);
        Upload(_dy, dy);
        Upload(_tdy, tdy);
        _program.Run();
        return (Read(_output), Read(_ty), _gradient.ToArray(), _product.ToArray());
    }

    public int Outputs => _output.Shape.Count;

    public void Dispose()
    {
        _program.Dispose();
        foreach (var vector in new[] { _weights, _buffers, _direction, _gradient, _product })
            vector.Dispose();
    }

    // Written by nothing in the program: it keeps what the test puts there.
    private static Value Given(Value value) => Program.Keep(value);

    private Value Unread(Shape shape) => Program.Keep(_program.Real("none", ValueRole.Input, shape));

    private Value Ids(int[] ids, Shape shape)
    {
        var input = _program.Input<int>("ids", shape);
        ids.CopyTo(input.Span);
        return input.Device;
    }

    private void Upload(Value to, double[] values)
    {
        if (_program.Precision == Precision.Float64)
            _program.Device.Upload(to.Typed<double>(), new ReadOnlySpan<double>(values));
        else
            _program.Device.Upload(to.Typed<float>(), new ReadOnlySpan<float>(Array.ConvertAll(values, v => (float)v)));
    }

    private double[] Read(Value value)
    {
        if (_program.Precision == Precision.Float64)
        {
            var wide = new double[value.Shape.Count];
            _program.Device.Download(wide.AsSpan(), value.Pointer);
            return wide;
        }

        var narrow = new float[value.Shape.Count];
        _program.Device.Download(narrow.AsSpan(), value.Pointer);
        return Array.ConvertAll(narrow, x => (double)x);
    }

    /// <summary>Gives its weights as its output.</summary>
    private sealed class Source(string name, Shape shape) : Layer(name)
    {
        private ParameterSlot _slot = null!;

        public override void Register(ParameterLayout parameters, ParameterLayout buffers) =>
            _slot = parameters.Add(Name, ParameterKind.Bias, shape);

        public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => shape;

        public override Value Forward(NetworkPass pass, Node node) => Copied(pass, pass.Activation(Name, shape), pass.Weights);

        public override void Backward(NetworkPass pass, Node node) =>
            pass.Program.Copy(pass.Gradients!.At(_slot), (Operand<Real>)pass.GradientOf(Network.Output(pass, node)), Bytes(pass));

        public override void ForwardTangent(NetworkPass pass, Node node) =>
            Copied(pass, pass.TangentOf(Network.Output(pass, node)), pass.WeightTangents!);

        public override void BackwardTangent(NetworkPass pass, Node node) =>
            pass.Program.Copy(
                pass.GradientTangents!.At(_slot),
                (Operand<Real>)pass.TangentGradientOf(Network.Output(pass, node)),
                Bytes(pass)
            );

        private Value Copied(NetworkPass pass, Value to, FlatVector from)
        {
            pass.Program.Copy((Operand<Real>)to, from.At(_slot), Bytes(pass));
            return to;
        }

        private long Bytes(NetworkPass pass) => (long)shape.Count * pass.Program.Precision.Size();
    }
}
