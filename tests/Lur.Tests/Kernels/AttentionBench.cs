using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>The passes of attention on one device with its tensors between guards.</summary>
internal sealed class AttentionBench : IDisposable
{
    private readonly KernelScope _scope;
    private readonly AttentionShape _shape;
    private readonly GuardedBuffer[] _x;
    private readonly GuardedBuffer _y,
        _lse;
    private readonly GuardedBuffer[] _scratch;

    /// <summary>Opens the buffers; scratch is exactly as large as asked for and NaN.</summary>
    public AttentionBench(TestDevice test, Precision precision, AttentionShape shape, Triple x, int matrixElements = 0, bool causal = false)
    {
        (_scope, _shape) = (new KernelScope(test, precision), shape);
        Operator = new AttentionOperator(
            LaunchSet.Immediate(test.Device, precision),
            shape,
            causal,
            (long)matrixElements * precision.Size()
        );
        _x = Buffers(x);
        (_y, _lse) = (_scope.Vector(shape.N * shape.L * shape.C), _scope.Vector(shape.LogSums));
        _scratch = [.. Enumerable.Range(0, 4).Select(_ => _scope.Vector(Operator.MatrixElements))];
    }

    public AttentionOperator Operator { get; }

    public string Name => $"{_scope.Name} {_shape}";

    private AttentionOperands X => Operands(_x);

    public (double[] O, double[] Lse) Forward()
    {
        Operator.Forward(_y.Pointer, _lse.Pointer, X, _scratch[0].Pointer);
        return (_y.Get(), _lse.Get());
    }

    /// <summary>Gradients of q, k, v, added to <paramref name="before"/> where given.</summary>
    public Triple Backward(double[] dy, Triple? before = null)
    {
        var (g, to) = (_scope.Vector(dy), Targets(before));
        Operator.Backward(
            Target(to, 1, before),
            Target(to, 2, before),
            Target(to, 0, before),
            g.Pointer,
            X,
            _lse.Pointer,
            _scratch[0].Pointer,
            _scratch[1].Pointer
        );
        return Results(to);
    }

    /// <summary>The sum of the three gradients where q, k and v are one value, and with it the three targets.</summary>
    public double[] BackwardToOne(double[] dy)
    {
        var (g, to) = (_scope.Vector(dy), _scope.Vector(dy.Length));
        var (first, others) = (new AttentionTarget(to.Pointer, false), new AttentionTarget(to.Pointer, true));
        Operator.Backward(first, others, others, g.Pointer, X, _lse.Pointer, _scratch[0].Pointer, _scratch[1].Pointer);
        return to.Get();
    }

    /// <summary>The tangent of the output; a tangent of <paramref name="t"/> that is null is left out.</summary>
    public double[] ForwardTangent(double[]?[] t)
    {
        var to = _scope.Vector(_shape.N * _shape.L * _shape.C);
        Operator.ForwardTangent(to.Pointer, X, Tangents(t), _lse.Pointer, _scratch[0].Pointer, _scratch[1].Pointer);
        return to.Get();
    }

    /// <summary>Tangents of the gradients, added to <paramref name="before"/> where given.</summary>
    public Triple BackwardTangent(double[]?[] t, double[] dy, double[] tdy, Triple? before = null)
    {
        var (g, tg, to) = (_scope.Vector(dy), _scope.Vector(tdy), Targets(before));
        Operator.BackwardTangent(
            Target(to, 1, before),
            Target(to, 2, before),
            Target(to, 0, before),
            (g.Pointer, tg.Pointer),
            X,
            Tangents(t),
            _lse.Pointer,
            (_scratch[0].Pointer, _scratch[1].Pointer, _scratch[2].Pointer, _scratch[3].Pointer)
        );
        return Results(to);
    }

    public void Dispose() => _scope.Dispose();

    private GuardedBuffer[] Buffers(Triple x) => [_scope.Vector(x.Q), _scope.Vector(x.K), _scope.Vector(x.V)];

    // NaN where nothing is added to: a missing write shows, and so does an unwanted read.
    private GuardedBuffer[] Targets(Triple? before) =>
        before is not null ? Buffers(before) : [.. _x.Select(b => _scope.Vector(b.Get().Length))];

    private static AttentionTarget Target(GuardedBuffer[] to, int which, Triple? before) => new(to[which].Pointer, before is not null);

    private AttentionOperands Tangents(double[]?[] t)
    {
        Operand<Real> Of(double[]? values) => values is null ? default : (Operand<Real>)_scope.Vector(values).Pointer;
        return new(Of(t[0]), Of(t[1]), Of(t[2]));
    }

    private static AttentionOperands Operands(GuardedBuffer[] x) => new(x[0].Pointer, x[1].Pointer, x[2].Pointer);

    private Triple Results(GuardedBuffer[] to)
    {
        foreach (var matrix in _scratch)
            _ = matrix.Get();
        return new(to[0].Get(), to[1].Get(), to[2].Get());
    }
}
