using Lur.Checkpoints;
using Lur.Device;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>ScissorHands' projection: where the joint gradient g has a negative product with a memory m_i (a
/// gradient of -CE on forget data) over the late layers, it is replaced there by g + M'v, v from GEM's dual with a margin;
/// the other layers keep their bits. Runs inside a captured step; nothing is read back.</summary>
/// <remarks>Dot products are those of <c>vector_dot</c>: sums of a chunk in the model's precision, the rest in double, always
/// in the same order. The problem itself is solved in double.</remarks>
public sealed class MemoryProjection : IGradientChange, IDisposable
{
    /// <summary>Added to the diagonal of the Gram matrix.</summary>
    public const double Ridge = 1e-3;

    private const int PartialCount = 512;
    private readonly ComputeDevice _device;
    private readonly List<(int Begin, int Length)> _ranges = [];
    private readonly FlatVector[] _memories;
    private readonly FlatVector _gram;
    private readonly List<RunInput<int>> _enabled = []; // of each program
    private readonly Program _gramProgram;
    private readonly double _margin;

    /// <summary>Allocates the memories, as zeros.</summary>
    /// <param name="model">Model whose gradients are projected.</param>
    /// <param name="late">Tensors the projection sees and changes, in order of offset.</param>
    /// <param name="memories">Number of memories t.</param>
    /// <param name="margin">Least multiple of each memory that is added where the projection fires.</param>
    public MemoryProjection(Model model, IReadOnlyList<ParameterSlot> late, int memories, double margin)
    {
        (_device, _margin) = (model.Device, margin);
        foreach (var slot in late)
        {
            if (_ranges.Count > 0 && _ranges[^1].Begin + _ranges[^1].Length == slot.Offset)
                _ranges[^1] = (_ranges[^1].Begin, _ranges[^1].Length + slot.Count);
            else
                _ranges.Add((slot.Offset, slot.Count));
        }

        _memories =
        [
            .. Sequences.Range(0, memories).Select(i => new FlatVector(_device, model.Precision, model.Parameters.Layout, $"memory {i}")),
        ];
        var square = new ParameterLayout();
        square.Add("gram", ParameterKind.Matrix, new Shape(memories, memories));
        _gram = new FlatVector(_device, Precision.Float64, square, "Gram matrix");
        _gramProgram = new Program(_device, model.Precision);
        EmitDots(_gramProgram, "gram", (from a in _memories from b in _memories select (a, b)).ToValues(), _gram.Wide);
    }

    /// <summary>False switches the projection off for the steps that follow.</summary>
    public bool Enabled
    {
        get;
        set
        {
            field = value;
            foreach (var enabled in _enabled)
                enabled.Span[0] = value ? 1 : 0;
        }
    } = true;

    /// <summary>The memories, for checks.</summary>
    internal IReadOnlyList<FlatVector> Memories => _memories;

    /// <summary>Bytes of the memories.</summary>
    public long Bytes => _memories.Sum(m => m.Bytes);

    /// <summary>Replaces the memories; gradients outside the late layers are not used.</summary>
    /// <param name="fill">Writes memory i into the vector it is given.</param>
    public void Remember(Action<int, FlatVector> fill)
    {
        for (var i = 0; i < _memories.Length; i++)
            fill(i, _memories[i]);
        _gramProgram.Run();
    }

    /// <inheritdoc/>
    /// <remarks>The report is the sum of v: 0 where nothing was violated.</remarks>
    public void Emit(Program program, FlatVector gradient, Operand<double> report)
    {
        var (p, t, margin, kernels) = (program, _memories.Length, _margin, program.Launch);
        var enabled = p.Input<int>("projection/enabled", new Shape(1));
        enabled.Span[0] = Enabled ? 1 : 0;
        _enabled.Add(enabled);
        var d = p.Raw("projection/products", ValueRole.Workspace, new Shape(t), sizeof(double));
        var v = p.Raw("projection/multipliers", ValueRole.Workspace, new Shape(t), sizeof(double));
        EmitDots(p, "projection", _memories.Select(m => (gradient, m)).ToValues(), d);
        kernels.Projection.ProjectionSolve(_device.Elements(1), v, report, d, _gram.Wide, enabled.Device, t, margin, Ridge);
        for (var i = 0; i < t; i++)
        {
            var (memory, index) = (_memories[i], i);
            foreach (var (begin, length) in _ranges)
            {
                kernels.Projection.ProjectionApply(
                    _device.Elements(length),
                    gradient.At(begin),
                    memory.At(begin),
                    v.At<double>(index),
                    length
                );
            }
        }
    }

    /// <summary>Puts the memories into a state.</summary>
    internal void Save(TrainingState state)
    {
        foreach (var memory in _memories)
            StateVectors.Save(state, memory.Name, memory);
    }

    /// <summary>Takes the memories from a state.</summary>
    internal void Restore(TrainingState state) => Remember((_, memory) => StateVectors.Restore(state, memory.Name, memory));

    /// <summary>Products of a gradient with the memories over the late layers, added up on the host in double, for checks. After
    /// a projection each is at least minus <c>Slack</c>: what the ridge gives away, and the rounding of float32.</summary>
    /// <param name="gradient">The gradient after the step.</param>
    /// <param name="multipliers">Sum of the multipliers of the step.</param>
    internal (double[] Products, double Slack) Check(FlatVector gradient, double multipliers)
    {
        var g = gradient.ToArray();
        double Dot(double[] x, double[] y) => _ranges.Sum(r => Sequences.Range(r.Begin, r.Length).Sum(i => x[i] * y[i]));
        var (products, largest) = (new double[_memories.Length], 0.0);
        for (var i = 0; i < products.Length; i++)
        {
            var memory = _memories[i].ToArray();
            (products[i], largest) = (Dot(g, memory), Math.Max(largest, Dot(memory, memory)));
        }

        return (products, (Ridge * multipliers) + (1e-5 * Math.Sqrt(Dot(g, g) * largest)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gramProgram.Dispose();
        _gram.Dispose();
        foreach (var memory in _memories)
            memory.Dispose();
    }

    /// <summary>Emits products over the late layers, one for each pair, in their order.</summary>
    private void EmitDots(Program p, string name, (FlatVector X, FlatVector Y)[] pairs, Operand<double> result)
    {
        var (kernels, parts) = (p.Launch.Vector, _ranges.Count * PartialCount);
        var partials = p.Raw($"{name}/partials", ValueRole.Workspace, new Shape(pairs.Length, parts), sizeof(double));
        for (var i = 0; i < pairs.Length; i++)
        {
            for (var r = 0; r < _ranges.Count; r++)
            {
                var ((x, y), (begin, length), at) = (pairs[i], _ranges[r], (i * parts) + (r * PartialCount));
                kernels.VectorDot(_device.Blocks(PartialCount), partials.At<double>(at), x.At(begin), y.At(begin), length, PartialCount);
            }
        }

        var values = pairs.Length;
        kernels.VectorFinishSum(_device.Blocks(values), result, partials, parts, values);
    }
}
