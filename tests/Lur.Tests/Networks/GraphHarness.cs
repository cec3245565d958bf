using Lur.Device;
using Lur.Layers;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Networks;

/// <summary>What one evaluation of a network gives for the loss |y|^2 / 2.</summary>
/// <param name="Loss">|y|^2 / 2.</param>
/// <param name="Output">y.</param>
/// <param name="Gradient">Its gradient in the weights.</param>
/// <param name="Product">Its Hessian times the direction.</param>
/// <param name="TangentDot">&lt;dy, ty&gt;.</param>
/// <param name="InputGradients">Its gradient in each input.</param>
internal sealed record GraphPoint(
    double Loss,
    double[] Output,
    double[] Gradient,
    double[] Product,
    double TangentDot,
    double[][] InputGradients
);

/// <summary>A network of any layers and inputs with all four passes in float64, through the real kernels. The program poisons
/// every buffer outside its lifetime: what nothing has written is NaN.</summary>
internal sealed class GraphHarness : IDisposable
{
    private readonly Program _program = new(TestDevices.Default, Precision.Float64) { Poison = true };
    private readonly FlatVector _weights,
        _frozen,
        _buffers,
        _direction,
        _gradient,
        _product;
    private readonly Value[] _inputs;
    private readonly Value _output,
        _dy,
        _ty;
    private readonly NetworkPass _pass;

    public GraphHarness(
        Network network,
        int batch,
        NormalizationMode mode,
        TestRandom random,
        bool inputGradients,
        GraphHarness? like = null
    )
    {
        Network = network;
        FlatVector Vector(ParameterLayout layout, string name) => new(TestDevices.Default, Precision.Float64, layout, name);
        (_weights, _buffers) = (Vector(network.Parameters, "weights"), Vector(network.Buffers, "buffers"));
        _frozen = Vector(network.Frozen, "frozen");
        (_direction, _gradient) = (Vector(network.Parameters, "direction"), Vector(network.Parameters, "gradient"));
        _product = Vector(network.Parameters, "product");
        // Nothing is 0 or 1 by accident, and no normalisation divides by little.
        Theta = random.NormalArray(network.Parameters.Count);
        foreach (var slot in network.Parameters.Slots)
        {
            for (var i = slot.Offset; i < slot.End; i++)
                Theta[i] = slot.IsNormalization ? 1 + (0.2 * Theta[i]) : Theta[i] / Math.Sqrt(slot.FanIn);
        }

        _buffers.Set(like?._buffers.ToArray() ?? random.UniformArray(network.Buffers.Count, 0.5, 1.5));
        Inputs = like?.Inputs ?? [.. network.Inputs.Select(i => random.NormalArray(i.Batched(batch).Count))];
        if (like is not null)
        {
            Theta = like.Of(network.Parameters, like.Theta);
            _frozen.Set(like.Of(network.Frozen, like.Theta));
        }

        _inputs = [.. network.Inputs.Select(i => Program.Keep(_program.Real(i.Name, ValueRole.Input, i.Batched(batch))))];
        _pass = new NetworkPass(_program, "graph", batch, _weights, _buffers, mode)
        {
            Frozen = _frozen,
            Gradients = _gradient,
            WeightTangents = _direction,
            GradientTangents = _product,
            WithInputGradient = inputGradients,
        };
        // In another order than declared: the names decide.
        _output = Program.Keep(network.Forward(_pass, [.. network.Inputs.Select((input, i) => (input.Name, _inputs[i])).Reverse()]));
        _dy = Program.Keep(_pass.GradientOf(_output));
        _program.Copy<Real>(_dy, _output, _output.Bytes);
        _ty = Program.Keep(network.ForwardTangent(_pass));
        _program.Copy<Real>(_pass.TangentGradientOf(_output), _ty, _ty.Bytes);
        if (inputGradients)
        {
            network.Backward(_pass);
            network.BackwardTangent(_pass);
        }
        else
        {
            network.BackwardWithTangent(_pass);
        }

        InputGradients = inputGradients ? [.. _inputs.Select(v => Program.Keep(_pass.GradientOf(v)))] : [];
        _program.Commit();
    }

    /// <summary>What a vector of this network's weights has of the tensors of a layout.</summary>
    public double[] Of(ParameterLayout layout, double[] all) =>
        [.. layout.Slots.Select(s => Network.Parameters[s.Name]).SelectMany(s => all[s.Offset..s.End])];

    /// <summary>The weights that are not trained, as they are now.</summary>
    public double[] Frozen => _frozen.ToArray();

    /// <summary>Operations that were recorded.</summary>
    public int Operations => _program.Nodes.Count;

    public Network Network { get; }

    public double[] Theta { get; }

    public double[][] Inputs { get; }

    private Value[] InputGradients { get; }

    public GraphPoint Evaluate(double[] theta, double[] direction, double[][]? inputs = null)
    {
        _weights.Set(theta);
        _direction.Set(direction);
        foreach (var (value, numbers) in _inputs.Zip(inputs ?? Inputs))
            TestDevices.Default.Upload(value.Typed<double>(), new ReadOnlySpan<double>(numbers));
        _program.Run();
        var y = Read(_output);
        return new GraphPoint(
            Vectors.Dot(y, y) / 2,
            y,
            _gradient.ToArray(),
            _product.ToArray(),
            Vectors.Dot(Read(_dy), Read(_ty)),
            [.. InputGradients.Select(Read)]
        );
    }

    public void Dispose()
    {
        _program.Dispose();
        foreach (var vector in new[] { _weights, _frozen, _buffers, _direction, _gradient, _product })
            vector.Dispose();
    }

    private static double[] Read(Value value)
    {
        var numbers = new double[value.Shape.Count];
        TestDevices.Default.Download(numbers.AsSpan(), value.Typed<double>());
        return numbers;
    }
}
